"""Every setting, once: its name, default and meaning.

Sources, later ones win: the defaults here, a TOML file (``--config`` or ``DRAGOMAN_CONFIG``), the environment
(``DRAGOMAN_`` and the name in capitals; nested settings are given as JSON), command-line flags.
``docs/reference/settings.md`` describes each; a test compares.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(gt=0)]
Language = Annotated[str, Meta(pattern="^[a-z]{2}$")]
TelecomxEngine = Literal["FREE", "ELEVEN"]
Grade = Literal["standard", "enhanced"]
"""Of two recognisers of a vendor."""

ENVIRONMENT_PREFIX = "DRAGOMAN_"


class Moonshine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of a profile whose engine is ``moonshine``, other than the embedded one."""

    folder: Path
    """The folder with the model's files."""
    language: Annotated[str, Meta(pattern="^[a-z]{2}$")] = "en"
    """The language that it knows, ISO 639-1."""


class Whisper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model of a profile whose engine is ``whisper``, and what it may use."""

    folder: Path | None = None
    """The folder with the model in CTranslate2's format: model.bin, config.json, tokenizer.json, vocabulary.json;
    ``None``: an installed model, see ``models``."""
    language: Language | None = None
    """What is spoken where a client does not say, ISO 639-1; ``None``: English."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the model is run; for ``cuda`` the libraries cuBLAS and cuDNN are needed."""
    device_index: Annotated[int, Meta(ge=0)] = 0
    """Which of several GPUs."""
    compute_type: Literal[
        "default", "auto", "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16",
        "float32",
    ] = "default"  # fmt: skip
    """What is computed with; ``default`` is what the model was converted to."""
    threads: Positive = 1
    """Cores that one worker uses. For a large model take fewer ``workers`` and more threads."""
    draft_batch: Positive = 1
    """Partial results of so many live streams are computed at once; on a GPU 8 or more."""
    gpu_memory_mb: Positive | None = None
    """A larger model file is not loaded, and between two calls no more is kept than what it leaves."""
    idle_s: Positive | None = None
    """After so many seconds without work the model's memory is given back until there is work; ``None``: never."""


class Sherpa(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model of a profile whose engine is ``sherpa``, and what it may use."""

    folder: Path | None = None
    """The folder with the model, its files under the names they are published with: encoder, decoder and joiner, or
    model, and tokens.txt; ``None``: an installed model, see ``models``."""
    languages: tuple[Annotated[str, Meta(pattern="^[a-z]{2}$")], ...] = ()
    """What the model recognises, ISO 639-1, where neither its files nor the catalogue say it: a transducer in a
    ``folder``."""
    language: Annotated[str, Meta(pattern="^[a-z]{2}$")] | None = None
    """What is spoken where a client does not say; ``None``: the first language of the model."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the model is run; ``cuda`` needs a build of sherpa-onnx that is not the one of the extra."""
    int8: bool | None = None
    """Which form of the model is taken where a folder has both; ``None``: the quantised one on a processor."""
    threads: Positive = 1
    """Cores that one worker uses."""
    beam: Positive = 4
    """So many hypotheses a transducer keeps while it decodes; 1 is fastest, and cannot prefer phrases. The ``mode`` of
    the profile says nothing here."""
    draft_batch: Positive = 4
    """Partial results of so many live streams are computed at once, by streaming models."""
    gpu_memory_mb: Positive | None = None
    """Larger model files are not loaded onto a GPU."""
    idle_s: Positive | None = None
    """After so many seconds without work the model's memory is given back until there is work; ``None``: never."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recogniser configuration that dialects refer to by name."""

    engine: Literal["moonshine", "whisper", "sherpa", "fake"] = "moonshine"
    """``moonshine`` is the embedded model, or an installed one of its kind; ``whisper`` and ``sherpa`` are installed
    models, with the extra of that name; ``fake`` needs no model and makes words up."""
    mode: Literal["speed", "balanced", "accuracy"] = "balanced"
    """How hard to try: more accuracy costs more processor time."""
    quota_minutes: Annotated[float, Meta(ge=0)] | None = None
    """Minutes of audio per key and calendar day (UTC); ``None``: no quota."""
    models: tuple[str, ...] = ()
    """Which of the installed models serves it; without any, the embedded one with ``moonshine``, and the only one there
    is with other engines."""
    languages: tuple[Language, ...] = ()
    """The languages of its model that it serves, ISO 639-1; without any, all of them."""
    others: tuple[str, ...] = ()
    """Profiles whose languages it serves too, each with its own model, as far as its own model does not."""
    moonshine: Moonshine | None = None
    """A model of the engine ``moonshine`` in a folder of your own; see below."""
    whisper: Whisper | None = None
    """The model of the engine ``whisper``; see below."""
    sherpa: Sherpa | None = None
    """The model of the engine ``sherpa``; see below."""

    def __post_init__(self) -> None:
        if self.engine != "whisper" and self.whisper is not None:
            raise ValueError("the table whisper goes with engine = 'whisper'")
        if self.engine != "sherpa" and self.sherpa is not None:
            raise ValueError("the table sherpa goes with engine = 'sherpa'")
        if self.moonshine is not None and (self.engine != "moonshine" or self.models):
            raise ValueError("the table moonshine goes with engine = 'moonshine', and in the place of models")

    @property
    def is_embedded(self) -> bool:
        """Whether the model that the package carries serves it."""
        return self.engine == "moonshine" and not self.models and self.moonshine is None


def _profiles() -> dict[str, Profile]:
    return {"default": Profile(), "accurate": Profile(mode="accuracy")}


def _telecomx_engines() -> dict[TelecomxEngine, str]:
    return {"FREE": "default", "ELEVEN": "accurate"}


def _openai_models() -> dict[str, str]:
    return {
        "whisper-1": "default",
        "gpt-4o-mini-transcribe": "default",
        "gpt-4o-transcribe": "accurate",
        "gpt-transcribe": "accurate",
    }


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of the server and the command line."""

    host: str = "127.0.0.1"
    """Address to listen on. One that others can reach needs keys."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    """Port to listen on; 0 takes a free one."""
    insecure: bool = False
    """Serve an address that is not loopback although no keys are configured."""
    keys_file: Path | None = None
    """A file of ``id secret`` lines, see `dragoman keys`. With keys, every request needs one."""
    tls: Literal["auto"] | None = None
    """``auto``: listen on the TLS port too, with a certificate of an authority that is made on this machine."""
    tls_port: Annotated[int, Meta(ge=0, le=65535)] = 8443
    """Port of TLS; 0 takes a free one. The browser build of the AWS SDK knows no other than 8443."""
    tls_cert: Path | None = None
    """A certificate for the TLS port, PEM, with those between it and its authority. Read anew every hour."""
    tls_key: Path | None = None
    """The key of ``tls_cert``, PEM, without a password."""
    tls_names: tuple[str, ...] = ()
    """With ``tls = "auto"``: more names and addresses by which clients reach this machine."""
    tls_dir: Path | None = None
    """Where ``tls = "auto"`` keeps its authority; ``None``: the folder tls in ``state_dir``."""

    workers: Positive | None = None
    """Recognition processes; ``None``: one per core."""
    max_concurrent_files: Positive | None = None
    """Files recognised at once, sharing the workers; more are refused as busy. ``None``: four per worker."""
    max_concurrent_streams: Positive | None = None
    """Live streams recognised at once; more are refused as busy. A stream of two channels counts as two, and one whose
    speakers are told apart twice. ``None``: as many as the workers, when they started, found that they can serve in
    real time."""
    utterance_silence_ms: Annotated[int, Meta(ge=100, le=5_000)] = 420
    """In live streams: a pause this long ends an utterance and makes it final."""
    utterance_longest_ms: Annotated[int, Meta(ge=2_000, le=15_000)] = 10_000
    """In live streams: an utterance that does not pause is cut at a quiet place before it gets longer."""
    worker_memory_mb: Positive = 4096
    """Address space a worker may take; without a limit where a model runs on a GPU, which needs addresses for more."""
    stalled_after_s: Positive = 120
    """A worker that reports nothing for this long while it has work is replaced."""

    max_upload_mb: Positive = 2048
    """The largest body of a request."""
    max_duration_s: Positive = 24 * 3600
    """The longest recording."""
    max_channels: Positive = 32
    """The most channels that a recording may have."""
    max_form_text_kb: Positive = 1024
    """All text fields of one form together."""
    max_phrases: Positive = 2000
    """Preferred phrases of one request."""
    max_dictionary_words: Positive = 1000
    """Words in the dictionary of one request."""
    max_pronunciations: Positive = 20
    """Pronunciations of one word of a dictionary."""
    max_vocabulary_characters: Positive = 200
    """Characters of one phrase, of one word, or of one pronunciation as it is written."""
    classes_dir: Path | None = None
    """A folder of word classes beside the built-in ones: `<name>.txt`, an entry a line."""
    max_uploads: Positive = 64
    """Uploads received, or stored while they are recognised, at once; more are refused as busy."""
    max_connections: Positive = 1000
    """Open connections; requests on further ones are told 503 at once, in plain text."""
    upload_idle_timeout_s: Positive = 60
    """An upload that sends nothing for this long is given up."""
    reply_stall_timeout_s: Positive = 60
    """A client that reads nothing of its reply for this long is taken to have left."""
    startup_wait_s: Positive = 5
    """How long a request waits for a recogniser that is still starting, before it is refused."""
    drain_timeout_s: Positive = 30
    """How long a server that was told to stop waits for the requests that run."""
    state_dir: Path | None = None
    """Where the server keeps what is to last; ``None``: a folder of this user, such as ~/.local/state/dragoman."""
    database_url: str | None = None
    """Where word lists and jobs are kept: `sqlite:////srv/dragoman.sqlite3` or `postgresql://user:password@host/name`,
    which needs the extra `postgres`; ``None``: a SQLite file in ``state_dir``."""
    object_store_url: str | None = None
    """Where `s3://bucket/key` is read that clients name: a folder such as `file:///srv/tables`, with buckets and keys
    below it, or another URL of fsspec. ``None``: such addresses are refused."""
    spool_dir: Path = msgspec.field(default_factory=lambda: Path(tempfile.gettempdir()))
    """Where uploads wait while they are recognised; each is deleted when its request ends."""

    profiles: dict[str, Profile] = msgspec.field(default_factory=_profiles)
    """The recognisers that clients choose by name; see below."""
    telecomx_engines: dict[TelecomxEngine, str] = msgspec.field(default_factory=_telecomx_engines)
    """Telecomx engine names → profiles."""
    speechmatics_operating_points: dict[Grade, str] | None = None
    """Speechmatics operating points → profiles; ``None``: ``standard`` → ``default``, and ``enhanced`` → ``accurate``
    if there is such a profile."""
    phonexia_4_engines: dict[Grade, str] | None = None
    """Engines of Phonexia Speech Platform 4 → profiles; ``None``: the same."""
    openai_models: dict[str, str] = msgspec.field(default_factory=_openai_models)
    """OpenAI model names → profiles; profile names themselves always work."""
    phonexia_model: str | None = None
    """Name of the model that Phonexia clients see; ``None``: made from its language, such as EN_US_1."""

    models_dir: Path | None = None
    """Where `dragoman models` installs models; ``None``: the folder models in ``state_dir``."""
    models_catalogue: Path | None = None
    """A catalogue of your own: its models come beside the built-in ones, and replace those of the same name."""
    language_identification: str | None = None
    """The installed model by which all profiles identify languages; ``None``: the profile's own, if its engine is
    ``whisper`` and its model multilingual, or else the only one that is installed for it."""
    audio_tagging: str | None = None
    """The installed model by which all profiles find audio events; ``None``: the only one that is installed for it."""
    offline: bool = False
    """Models are not fetched from the network, whatever command is given."""

    max_concurrent_jobs: Positive | None = None
    """Jobs recognised at once, sharing the workers with everything else; the others wait. ``None``: one per worker."""
    job_lease_s: Positive = 15
    """The jobs of a server process that was killed are taken up again after this long."""
    max_job_attempts: Positive = 10
    """A job that was begun this often and failed by the server's fault, or whose process was killed, has failed."""
    jobs_kept_h: Positive = 168
    """Hours after its end when a job is removed, with its result and its recording."""
    max_jobs_storage_mb: Positive = 10240
    """Recordings and results of all jobs together; further jobs are refused."""
    min_free_disk_mb: Annotated[int, Meta(ge=0)] = 512
    """Jobs are refused that would leave less space than this on the disk of their recordings."""
    media_url: str | None = None
    """Where the recordings of jobs are kept, for several servers in common: a folder such as `file:///srv/media`, or
    another URL of fsspec. ``None``: the folder media in ``state_dir``."""
    rate_limit: Annotated[str, Meta(pattern="^(none|[1-9][0-9]{0,8}/[1-9][0-9]{0,8})$")] = "1000/10"
    """Requests of a key to the APIs of jobs, and in how many seconds; more are refused. ``none``: no limit."""
    callback_private_addresses: bool = False
    """Callbacks may go to addresses that are private, or this machine's own."""
    callback_timeout_s: Positive = 10
    """How long a receiver of a callback may take to answer."""
    callback_give_up_h: Positive = 24
    """A callback that nobody takes is tried again for this many hours."""
    more_ports: tuple[Annotated[int, Meta(ge=0, le=65535)], ...] = ()
    """Further ports to listen on, for clients that know no other than their vendor's."""

    phonexia_stream_timeout_s: Positive = 30
    """A Phonexia stream that gets no audio for this long is ended."""
    phonexia_results_kept_s: Positive = 300
    """How long the result of a Phonexia HTTP stream that has ended can still be fetched."""

    readiness_cache_s: Positive = 5
    """How long a good answer of /readyz holds before the recogniser is tried again."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe messages that are logged."""

    def __post_init__(self) -> None:
        grades = (self.speechmatics_operating_points or {}, self.phonexia_4_engines or {})
        named = (self.telecomx_engines, *grades, self.openai_models)
        for word, name in (item for names in named for item in names.items()):
            if name not in self.profiles:
                raise ValueError(f"{word} refers to profile {name!r}, which is not among {sorted(self.profiles)}")
        if "default" not in self.profiles:
            raise ValueError("profiles must contain one named 'default'")
        for name, profile in self.profiles.items():
            for other in profile.others:
                _check_other(name, other, self.profiles)
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if self.tls is not None and self.tls_cert is not None:
            raise ValueError("tls = 'auto' makes a certificate: give it, or tls_cert and tls_key")

    def graded(self, named: Mapping[Grade, str] | None) -> dict[str, str]:
        """A vendor's two recognisers → profiles, as a setting names them, or by default."""
        if named is None:
            return {"standard": "default"} | ({"enhanced": "accurate"} if "accurate" in self.profiles else {})
        return {str(grade): profile for grade, profile in named.items()}

    @property
    def worker_count(self) -> int:
        return self.workers or os.cpu_count() or 1

    @property
    def concurrent_files(self) -> int:
        return self.max_concurrent_files or 4 * self.worker_count

    @property
    def concurrent_jobs(self) -> int:
        return self.max_concurrent_jobs or self.worker_count


def _check_other(name: str, other: str, profiles: Mapping[str, Profile]) -> None:
    """What ``others`` of the profile ``name`` may name. Raises ``ValueError``."""
    if other not in profiles:
        raise ValueError(f"others of profile {name!r} names {other!r}, which is not among {sorted(profiles)}")
    if profiles[other].others:
        raise ValueError(
            f"others of profile {name!r} names {other!r}, which has others itself; name only profiles without any, all"
            " of them here"
        )
    if profiles[name].others.count(other) > 1:
        raise ValueError(f"others of profile {name!r} names {other!r} twice")


class SettingsError(ValueError):
    """A setting has a wrong name or value. The message names the source and the setting."""


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings from all sources. ``flags`` whose value is ``None`` were not given. Raises ``SettingsError``."""
    values: dict[str, Any] = {}
    if config is None and (named := environ.get(f"{ENVIRONMENT_PREFIX}CONFIG")):
        config = Path(named)
    if config is not None:
        try:
            values |= tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"cannot read the configuration file {config}: {error}") from error
    values |= _from_environment(environ)
    values |= {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        return msgspec.convert(values, Settings, strict=False, str_keys=True, dec_hook=_path)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(f"settings: {error}") from error


def _path(expected: type, value: Any) -> Any:
    if expected is Path and isinstance(value, str | Path):
        return Path(value)
    raise ValueError(f"expected {expected.__name__}")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        raw = environ.get(ENVIRONMENT_PREFIX + field.name.upper())
        if raw is None:
            continue
        if raw.lstrip().startswith(("{", "[")):
            try:
                values[field.name] = msgspec.json.decode(raw)
            except msgspec.DecodeError as error:
                raise SettingsError(f"{ENVIRONMENT_PREFIX}{field.name.upper()} is not JSON: {error}") from error
        else:
            values[field.name] = raw
    return values
