"""Speechmatics's form → our request, and our job → theirs. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Final, get_args

import msgspec
from msgspec import UNSET, Raw, Struct

from dragoman.apis.speechmatics_v1 import wire
from dragoman.apis.speechmatics_v1.errors import NOT_IMPLEMENTED
from dragoman.apis.speechmatics_v1.vocabulary import draft
from dragoman.core.errors import (
    EmptyAudio,
    InvalidField,
    MissingField,
    UnknownModel,
    UnsupportedLanguage,
    UnsupportedOption,
)
from dragoman.core.jobs import CallbackOrder, Job, JobState
from dragoman.core.request import (
    ChannelMode,
    ChannelSelection,
    RecognitionRequest,
    SpeakerMode,
    SpeakerRequest,
    TimeDetail,
)
from dragoman.language.tags import iso_639_1
from dragoman.service.vocabulary import Draft
from dragoman.transport.form import Form

FIELDS: Final = frozenset(
    {"data_file", "config", "model", "notification", "callback", "callback_format", "meta"}
    | {"diarization", "diarisation", *NOT_IMPLEMENTED}
)
FORMATS: Final = ("json", "json-v2", "txt")
"""In which a callback brings the transcript."""
SPLITS_CHANNELS: Final = ("channel", "channel_and_speaker_change")
"""The kinds of diarization that recognise each channel by itself."""
_SENSITIVITY: Final = 0.4
"""To changes of the speaker, where the client does not say."""
_LABEL: Final = re.compile(r"[A-Za-z0-9._]{1,50}")
_LONGEST_META: Final = 10_000
_LONGEST_NAME: Final = 255

STATUSES: Final = {
    JobState.QUEUED: "transcribing",
    JobState.RUNNING: "transcribing",
    JobState.DONE: "done",
    JobState.REJECTED: "unsupported_file_format",
    JobState.FAILED: "expired",
    JobState.CANCELLED: "expired",
}
"""The vendor's own client waits until it is told one of ``done``, ``expired``, ``unsupported_file_format`` and
``could_not_align``."""


class Options(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a job beside its request. ``config`` is as the client wrote it."""

    user_id: int
    lang: str
    notification: str = "none"
    meta: str | None = None
    warnings: tuple[str, ...] = ()
    config: Raw

    @property
    def transcription_config(self) -> wire.TranscriptionConfig:
        return msgspec.json.decode(self.config, type=wire.TranscriptionConfig)

    @property
    def locale(self) -> str | None:
        """In whose spelling the transcript is."""
        named = self.transcription_config.output_locale
        return named or (self.lang if self.lang in get_args(wire.Locale) else None)


def options(job: Job) -> Options:
    return msgspec.json.decode(job.options, type=Options)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants. The ``vocabulary`` is still to be checked, and so is the address of the callback."""

    request: RecognitionRequest
    options: Options
    vocabulary: Draft
    callback: CallbackOrder | None


def asked(form: Form, user_id: int, points: Mapping[str, str]) -> Asked:
    """``points``: operating points → our profiles. Raises children of ``InvalidRequest``."""
    form.allow_only(FIELDS)
    for name in NOT_IMPLEMENTED:
        if form.texts(name) or form.files.get(name):
            raise UnsupportedOption(f"{name} is not implemented: send the recording as data_file.", field=name)
    config, written = _legacy_config(form) if form.text("config") is None else _config(form)
    callback = _callback(form)
    language = _language(config)
    _check(config, language)
    return Asked(
        RecognitionRequest(
            language=language,
            time_detail=TimeDetail.WORD,
            channels=_channels(config),
            speakers=_speakers(config),
            profile=_profile(config.operating_point or "standard", points),
        ),
        Options(
            user_id=user_id,
            lang=config.language or "",
            notification="callback" if callback else "none",
            meta=_meta(form),
            config=Raw(written),
        ),
        draft(config.additional_vocab or ()),
        callback,
    )


def _config(form: Form) -> tuple[wire.TranscriptionConfig, bytes]:
    text = (form.text("config") or "").removeprefix("\ufeff")
    for name in ("model", "diarization", "diarisation"):
        if form.texts(name):
            raise InvalidField(f"{name} and config exclude each other; say all of it in config.", field=name)
    try:
        config = msgspec.json.decode(text, type=wire.JobConfig)
        sent = msgspec.json.decode(text, type=wire.SentConfig)
    except msgspec.ValidationError as error:
        raise InvalidField(f"config: {error}", field="config") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidField(f"config is not JSON: {error}", field="config") from error
    except RecursionError:
        raise InvalidField("config is nested too deeply.", field="config") from None
    return config.transcription_config or wire.TranscriptionConfig(), bytes(sent.transcription_config)


def _legacy_config(form: Form) -> tuple[wire.TranscriptionConfig, bytes]:
    """The parameters of older clients."""
    wanted = {form.boolean(name, default=False) for name in ("diarization", "diarisation") if form.texts(name)}
    if len(wanted) == 2:
        raise InvalidField("diarization and diarisation mean the same, and differ.", field="diarisation")
    written = {"language": form.text("model")} | ({"diarization": "speaker"} if True in wanted else {})
    return msgspec.convert(written, wire.TranscriptionConfig), msgspec.json.encode(written)


def _language(config: wire.TranscriptionConfig) -> str:
    if not config.language:
        raise MissingField(
            "Name the language of the recording: language in config's transcription_config, or the field model.",
            field="language",
        )
    try:
        return iso_639_1(config.language)
    except ValueError:
        raise UnsupportedLanguage("The language must be a code such as en or en-GB.") from None


def _profile(point: str, points: Mapping[str, str]) -> str:
    if point not in points:
        raise UnknownModel(f"This server has no operating point {point}; it has {', '.join(points) or 'none'}.")
    return points[point]


def _check(config: wire.TranscriptionConfig, language: str) -> None:
    """What the types do not say."""
    mode = config.diarization or "none"
    if config.output_locale is not None and language != "en":
        raise InvalidField("output_locale goes with the language en alone.", field="config")
    if config.channel_diarization_labels is not None and "channel" not in mode:
        raise InvalidField("channel_diarization_labels goes with the diarization channel alone.", field="config")
    if config.speaker_change_sensitivity is not None and "speaker_change" not in mode:
        raise InvalidField("speaker_change_sensitivity goes with the diarization speaker_change alone.", field="config")
    if (bad := next((label for label in _labels(config) if not _LABEL.fullmatch(label)), None)) is not None:
        raise InvalidField(
            f"channel_diarization_labels: {bad[:60]!r} must be 1 to 50 letters, digits, periods and underscores.",
            field="config",
        )
    overrides = config.punctuation_overrides or wire.PunctuationOverrides()
    for mark in overrides.permitted_marks or ():
        if len(mark) != 1 and mark != "all":
            raise InvalidField(
                f"permitted_marks: {mark[:20]!r} must be one mark such as a comma, or all.", field="config"
            )


def _labels(config: wire.TranscriptionConfig) -> list[str]:
    return config.channel_diarization_labels or []


def _channels(config: wire.TranscriptionConfig) -> ChannelSelection:
    """As many channels as labels; without labels, all there are."""
    if config.diarization not in SPLITS_CHANNELS:
        return ChannelSelection(ChannelMode.MIX)
    return ChannelSelection(ChannelMode.SPLIT, count=len(_labels(config)) or None)


def _speakers(config: wire.TranscriptionConfig) -> SpeakerRequest | None:
    match config.diarization:
        case "speaker":
            return SpeakerRequest(SpeakerMode.IDENTITY)
        case "speaker_change" | "channel_and_speaker_change":
            wanted = config.speaker_change_sensitivity
            return SpeakerRequest(SpeakerMode.CHANGES, sensitivity=_SENSITIVITY if wanted is None else wanted)
        case _:
            return None


def _callback(form: Form) -> CallbackOrder | None:
    notification = form.choice("notification", ("none", "callback", "email"))
    if notification == "email":
        raise UnsupportedOption(
            "notification: this server sends no mail; use callback, or none and ask for the job.", field="notification"
        )
    url = form.text("callback")
    form_of_news = form.choice("callback_format", FORMATS)
    if notification == "callback":
        if url is None:
            raise MissingField("notification=callback needs the address in the field callback.", field="callback")
        return CallbackOrder(url, form_of_news or "json")
    for name in ("callback", "callback_format"):
        if form.texts(name):
            raise InvalidField(f"{name} goes with notification=callback alone.", field=name)
    return None


def _meta(form: Form) -> str | None:
    meta = form.text("meta")
    if meta is not None and len(meta) > _LONGEST_META:
        raise InvalidField(f"meta has {len(meta):,} characters; {_LONGEST_META:,} are allowed.", field="meta")
    return meta


def file_name(sent: str) -> str:
    """Without folders, control characters, and what is beyond a reasonable length."""
    name = "".join(filter(str.isprintable, sent.replace("\\", "/").rpartition("/")[2]))
    return name[-_LONGEST_NAME:] or "data_file"


def transcript_name(name: str, extension: str) -> str:
    return f"{name.rpartition('.')[0] or name}.{extension}"


def is_done(job: Job) -> bool:
    """It has a transcript. That of a recording without a sample is empty, as the vendor's is."""
    return job.state is JobState.DONE or is_empty(job)


def is_empty(job: Job) -> bool:
    return job.state is JobState.REJECTED and job.remark is not None and job.remark.code == EmptyAudio.code


def reason(job: Job) -> str:
    """Why there is no transcript of a job that has ended."""
    return job.remark.message if job.remark else "The job was cancelled."


def described(job: Job, url: str, wait_s: int, now_s: float) -> wire.Job:
    """``url`` is that of the job, ``wait_s`` how long it is likely to take from now on."""
    told = options(job)
    done = is_done(job)
    failed = job.state.is_final and not done
    return wire.Job(
        id=job.number,
        name=job.name,
        user_id=told.user_id,
        lang=told.lang,
        job_status="done" if done else STATUSES[job.state],
        created_at=formatdate(job.created_ms // 1000, usegmt=True),
        duration=0 if is_empty(job) else seconds(job.duration_ms),
        check_wait=None if job.state.is_final else wait_s,
        next_check=0 if job.state.is_final else int(now_s) + wait_s,
        meta=told.meta,
        notification=told.notification,
        transcription=transcript_name(job.name, "json") if done else None,
        url=f"{url}/audio",
        errors=[wire.Trouble(iso_time(job.ended_ms or job.created_ms), reason(job))] if failed else UNSET,
        warnings=list(told.warnings) or UNSET,
    )


def seconds(ms: int | None) -> int | None:
    """Whole ones, the nearest."""
    return None if ms is None else (ms + 500) // 1000


def iso_time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def c_time(ms: int) -> str:
    return time.asctime(time.gmtime(ms // 1000))
