"""What a client asks for by opening a stream: the parameters of StartStreamTranscription. Pure.

They are headers that begin with ``x-amzn-transcribe-`` or, of a WebSocket, parameters of the query, by the same names.
What cannot be honoured is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast
from uuid import uuid4

from dragoman.analysis.redact import ALL, PiiType
from dragoman.apis.amazon_transcribe.stability import Stability
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import InvalidField, MissingField, UnknownModel, UnsupportedLanguage, UnsupportedOption
from dragoman.core.request import AudioEncoding
from dragoman.language.tags import iso_639_1
from dragoman.service.recognition import STREAM_RATES

PREFIX: Final = "x-amzn-transcribe-"
"""Of the headers."""

FilterMethod = Literal["remove", "mask", "tag"]

_FLAGS: Final = (
    "show-speaker-label",
    "enable-channel-identification",
    "enable-partial-results-stabilization",
    "identify-language",
    "identify-multiple-languages",
)
_CHOICES: Final = {
    "media-encoding": tuple(AudioEncoding),
    "vocabulary-filter-method": ("remove", "mask", "tag"),
    "partial-results-stability": ("high", "medium", "low"),
    "content-identification-type": ("PII",),
    "content-redaction-type": ("PII",),
}
_LANGUAGE: Final = "[a-z]{2,3}-[A-Z]{2}"
_UUID: Final = "[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}"
_TEXTS: Final = {
    "language-code": (_LANGUAGE, 10),
    "sample-rate": ("[0-9]+", 6),
    "number-of-channels": ("[0-9]+", 6),
    "session-id": (_UUID, 36),
    "vocabulary-name": ("[0-9a-zA-Z._-]+", 200),
    "vocabulary-filter-name": ("[0-9a-zA-Z._-]+", 200),
    "vocabulary-names": ("[a-zA-Z0-9,._-]+", 3000),
    "vocabulary-filter-names": ("[a-zA-Z0-9,._-]+", 3000),
    "language-model-name": ("[0-9a-zA-Z._-]+", 200),
    "language-options": ("[a-zA-Z,-]+", 200),
    "preferred-language": (_LANGUAGE, 10),
    "pii-entity-types": ("[A-Z_, ]+", 300),
}
"""A pattern for the whole value, and the most characters it has."""
NAMES: Final = frozenset((*_FLAGS, *_CHOICES, *_TEXTS))

_EXCLUSIVE: Final = (
    ("language-code", "identify-language"),
    ("language-code", "identify-multiple-languages"),
    ("identify-language", "identify-multiple-languages"),
    ("content-identification-type", "content-redaction-type"),
    ("identify-language", "language-model-name"),
    ("identify-multiple-languages", "language-model-name"),
    ("identify-language", "content-redaction-type"),
    ("identify-multiple-languages", "content-redaction-type"),
    ("identify-language", "vocabulary-name"),
    ("identify-language", "vocabulary-filter-name"),
    ("show-speaker-label", "enable-channel-identification"),
)
_NEEDS: Final = (
    ("enable-channel-identification", ("number-of-channels",)),
    ("number-of-channels", ("enable-channel-identification",)),
    ("identify-language", ("language-options",)),
    ("identify-multiple-languages", ("language-options",)),
    ("preferred-language", ("identify-language",)),
    ("language-options", ("identify-language", "identify-multiple-languages")),
    ("vocabulary-names", ("identify-language", "identify-multiple-languages")),
    ("vocabulary-filter-names", ("identify-language", "identify-multiple-languages")),
    ("pii-entity-types", ("content-identification-type", "content-redaction-type")),
    ("partial-results-stability", ("enable-partial-results-stabilization",)),
)
"""A parameter, and others of which one must be there with it."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """``echo`` are the parameters as the reply repeats them, by their names in a query.

    ``languages`` are such as en-US. Of several, the one that is spoken is to be found out, and the first is taken until
    then; with ``changing`` it may be another one later.
    """

    languages: tuple[str, ...]
    rate: int
    session_id: str
    encoding: AudioEncoding = AudioEncoding.PCM
    channels: int = 1
    by_channel: bool = False
    speakers: bool = False
    """They are to be told apart."""
    changing: bool = False
    vocabularies: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    """Names; of several languages at most one for each."""
    filter_method: FilterMethod = "mask"
    stability: Stability | None = None
    pii_types: frozenset[PiiType] = frozenset()
    """Personal data to look for; none: it is not looked for."""
    redacts: bool = False
    """Whether it is replaced; else it is only said where it is."""
    echo: tuple[tuple[str, str], ...] = ()

    @property
    def identifies(self) -> bool:
        """The language is to be found out."""
        return len(self.languages) > 1

    def language_of(self, code: str) -> str:
        """Which of the languages has this code of ISO 639-1."""
        return next((language for language in self.languages if iso_639_1(language) == code), self.languages[0])


def of_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Names and values of the parameters among the headers of a request."""
    named = ((name.decode("latin-1").lower(), value.decode("latin-1").strip()) for name, value in headers)
    return [(name.removeprefix(PREFIX), value) for name, value in named if name.startswith(PREFIX)]


def of_query(query: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names and values of the parameters in a query, without what signing and the SDKs put there."""
    return [
        (name.removeprefix(PREFIX), value)
        for name, value in query
        if not name.lower().startswith(("x-amz-", "amz-sdk-", "user-agent"))
    ]


def read(given: Iterable[tuple[str, str]], capabilities: Capabilities) -> Parameters:
    """Raises ``InvalidRequest`` that names a parameter."""
    values = _checked(given)
    _check_pairs(values)
    _refuse_missing(values)
    _refuse_unsupported(values, capabilities)
    languages = _languages(values)
    for language in languages:
        _check_language(language)
    pii = values.get("content-identification-type") or values.get("content-redaction-type")
    if pii and (others := [language for language in languages if iso_639_1(language) != "en"]):
        raise UnsupportedOption(f"content-identification-type, content-redaction-type: English only, not {others[0]}.")
    stability = None
    if "enable-partial-results-stabilization" in values:
        stability = Stability(values.get("partial-results-stability", Stability.HIGH))
    session_id = values.get("session-id") or str(uuid4())
    return Parameters(
        languages=languages,
        changing="identify-multiple-languages" in values,
        rate=int(values["sample-rate"]),
        session_id=session_id,
        encoding=AudioEncoding(values["media-encoding"]),
        channels=int(values.get("number-of-channels", 1)),
        by_channel="enable-channel-identification" in values,
        speakers="show-speaker-label" in values,
        vocabularies=_names(values, "vocabulary-name", "vocabulary-names"),
        filters=_names(values, "vocabulary-filter-name", "vocabulary-filter-names"),
        filter_method=cast(FilterMethod, values.get("vocabulary-filter-method", "mask")),
        stability=stability,
        pii_types=_pii_types(values.get("pii-entity-types")) if pii else frozenset(),
        redacts="content-redaction-type" in values,
        echo=(*((name, value) for name, value in values.items() if name != "session-id"), ("session-id", session_id)),
    )


def _checked(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By name, each of the form that the document has for it; flags that are off are left out."""
    values: dict[str, str] = {}
    for name, value in given:
        if name not in NAMES:
            raise UnsupportedOption(f"{name[:100]}: there is no such parameter.", field=name)
        if name in values:
            raise InvalidField(f"{name}: it is there twice.", field=name)
        values[name] = _value(name, value)
    return {name: value for name, value in values.items() if not (name in _FLAGS and value == "false")}


def _value(name: str, value: str) -> str:
    if not value:
        raise InvalidField(f"{name}: it is empty.", field=name)
    if name in _FLAGS:
        if value.lower() not in ("true", "false"):
            raise InvalidField(f"{name}: true or false, not {value[:40]!r}.", field=name)
        return value.lower()
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise InvalidField(f"{name}: {' or '.join(_CHOICES[name])}, not {value[:40]!r}.", field=name)
        return value
    pattern, most = _TEXTS[name]
    if len(value) > most:
        raise InvalidField(f"{name}: {len(value)} characters are too many; {most} are allowed.", field=name)
    if not re.fullmatch(pattern, value, re.ASCII):
        raise InvalidField(f"{name}: {value[:40]!r} does not have the form {pattern}.", field=name)
    return value


def _check_pairs(values: Mapping[str, str]) -> None:
    for one, other in _EXCLUSIVE:
        if one in values and other in values:
            raise InvalidField(f"{one}, {other}: give one of them, not both.", field=one)
    for name, needed in _NEEDS:
        if name in values and not any(other in values for other in needed):
            raise InvalidField(f"{name}: it needs {' or '.join(needed)}.", field=name)


def _refuse_missing(values: Mapping[str, str]) -> None:
    if not any(name in values for name in ("language-code", "identify-language", "identify-multiple-languages")):
        raise MissingField(
            "language-code, identify-language, identify-multiple-languages: one of them is required.",
            field="language-code",
        )
    for name in ("media-encoding", "sample-rate"):
        if name not in values:
            raise MissingField(f"{name}: it is required.", field=name)
    if int(values["sample-rate"]) not in STREAM_RATES:
        first, last = STREAM_RATES[0], STREAM_RATES[-1]
        raise InvalidField(f"sample-rate: {first} to {last}, not {values['sample-rate']}.", field="sample-rate")
    if int(values.get("number-of-channels", 2)) != 2:
        raise InvalidField("number-of-channels: it is 2 where it is given.", field="number-of-channels")
    options = values.get("language-options")
    if options is not None:
        _check_options(options.split(","), values.get("preferred-language"))


def _check_options(options: list[str], preferred: str | None) -> None:
    if not all(re.fullmatch(_LANGUAGE, option) for option in options) or len(options) < 2:
        raise InvalidField("language-options: two or more such as en-US, with commas.", field="language-options")
    if len({option.partition("-")[0] for option in options}) < len(options):
        raise InvalidField("language-options: a language has only one dialect in it.", field="language-options")
    if preferred is not None and preferred not in options:
        raise InvalidField("preferred-language: it is one of language-options.", field="preferred-language")


def _languages(values: Mapping[str, str]) -> tuple[str, ...]:
    if "language-code" in values:
        return (values["language-code"],)
    options = values["language-options"].split(",")
    return tuple(sorted(options, key=lambda option: option != values.get("preferred-language")))


def _names(values: Mapping[str, str], one: str, several: str) -> tuple[str, ...]:
    return (values[one],) if one in values else tuple(filter(None, values.get(several, "").split(",")))


def _refuse_unsupported(values: Mapping[str, str], capabilities: Capabilities) -> None:
    for name in ("identify-language", "identify-multiple-languages"):
        if name in values and not capabilities.identifies:
            raise UnsupportedOption(
                f"{name}: no model that identifies languages is installed. Install one, or give language-code.",
                field=name,
            )
    if "show-speaker-label" in values and not capabilities.diarizes:
        raise UnsupportedOption(
            "show-speaker-label: the installed model comes without one that tells speakers apart.",
            field="show-speaker-label",
        )
    if (model := values.get("language-model-name")) is not None:
        raise UnknownModel(f"language-model-name: there is no model {model!r}.", field="language-model-name")


def _check_language(language: str) -> None:
    try:
        iso_639_1(language)
    except ValueError:
        raise UnsupportedLanguage(f"language-code: {language} is not a language.", field="language-code") from None


def _pii_types(text: str | None) -> frozenset[PiiType]:
    if text is None:
        return ALL
    names = {name.strip() for name in text.split(",")}
    if unknown := names - {*PiiType, "ALL"}:
        raise InvalidField(f"pii-entity-types: {sorted(unknown)[0]!r} is none.", field="pii-entity-types")
    return ALL if "ALL" in names else frozenset(map(PiiType, names))
