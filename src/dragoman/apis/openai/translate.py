"""OpenAI's words ↔ ours. Pure."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from msgspec import UNSET

from dragoman.apis.openai import wire
from dragoman.apis.openai.prompt import terms
from dragoman.core import transcript as ours
from dragoman.core.errors import InvalidField, MissingField, UnknownModel, UnsupportedOption
from dragoman.core.request import Phrase, RecognitionRequest, SpeakerRequest, TimeDetail, Vocabulary
from dragoman.core.spacing import space
from dragoman.core.transcript import Transcript
from dragoman.formats import FORMATS
from dragoman.language.punctuation import bare
from dragoman.language.tags import english_name, iso_639_1
from dragoman.service.vocabulary import CheckedVocabulary, Draft, VocabularyLimits
from dragoman.transport.base import Reply, json_reply
from dragoman.transport.form import Form

RESPONSE_FORMATS: Final = ("json", "text", "srt", "vtt", "verbose_json", "diarized_json")
STREAMED_FORMATS: Final = ("json", "text")
GRANULARITIES: Final = ("word", "segment")
_NOBODY_KNOWN: Final = "This server tells speakers apart, but it does not recognise people by their voices."
REFUSED: Final = {
    "include": "This server does not give the log probabilities of tokens.",
    "languages": "This server does not choose among languages yet; name one in language.",
    "known_speaker_names": _NOBODY_KNOWN,
    "known_speaker_references": _NOBODY_KNOWN,
}
_LISTS: Final = ("include", "keywords", "languages", "known_speaker_names", "known_speaker_references")
FIELDS: Final = frozenset(
    {"file", "model", "language", "prompt", "response_format", "temperature", "stream", "chunking_strategy"}
    | {"timestamp_granularities", "timestamp_granularities[]"}
    | {spelling for name in _LISTS for spelling in (name, f"{name}[]")}
)
_KEYWORDS: Final = "keywords[]"
_TEXT_TYPE: Final = "text/plain; charset=utf-8"
_OWNER: Final = "dragoman"
_CREATED_UNKNOWN: Final = 0
_A_WORD: Final = "a"
"""Segments of the service begin with the space behind a word, where the language has any."""


@dataclass(frozen=True, slots=True)
class Asked:
    recognition: RecognitionRequest
    response_format: str
    granularities: frozenset[str]
    stream: bool
    keywords: tuple[str, ...] = ()
    """To be preferred; one that cannot be is an error."""
    hints: tuple[str, ...] = ()
    """From the prompt, to be preferred where they can be."""


def request(form: Form, models: Mapping[str, str]) -> Asked:
    """``models``: names of models → our profiles."""
    form.allow_only(FIELDS)
    for name, reason in REFUSED.items():
        form.refuse(name, reason)
        form.refuse(f"{name}[]", reason)
    response_format = _response_format(form)
    granularities = _granularities(form, response_format)
    form.number("temperature", least=0, most=1)
    if form.text("chunking_strategy") not in (None, "auto"):
        raise UnsupportedOption("chunking_strategy can only be auto on this server.", field="chunking_strategy")
    stream = form.boolean("stream", default=False)
    if stream and response_format not in STREAMED_FORMATS:
        raise UnsupportedOption(
            f"response_format {response_format} cannot be streamed; {' and '.join(STREAMED_FORMATS)} can.",
            field="response_format",
        )
    words_matter = response_format in ("srt", "vtt") or "word" in granularities
    return Asked(
        RecognitionRequest(
            language=_language(form),
            time_detail=TimeDetail.WORD if words_matter else TimeDetail.SEGMENT,
            profile=profile(_required(form, "model"), models),
            speakers=SpeakerRequest() if response_format == "diarized_json" else None,
        ),
        response_format,
        granularities,
        stream,
        tuple(word.replace("$", "") for word in (*form.texts(_KEYWORDS), *form.texts("keywords"))),
        terms(form.text("prompt") or ""),
    )


def draft(asked: Asked, limits: VocabularyLimits) -> Draft:
    """Keywords, then the hints that are within the limits: a prompt is never an error.

    Raises ``InvalidField`` for keywords beyond a limit.
    """
    if len(asked.keywords) > limits.max_phrases:
        raise InvalidField(f"At most {limits.max_phrases:,} keywords are allowed.", field=_KEYWORDS)
    for number, keyword in enumerate(asked.keywords):
        if len(keyword) > limits.max_characters:
            raise InvalidField(
                f"keywords[{number}] is longer than {limits.max_characters} characters.", field=_KEYWORDS
            )
    room = max(0, limits.max_phrases - len(asked.keywords))
    hints = [hint for hint in asked.hints if len(hint) <= limits.max_characters][:room]
    return Draft(phrases=tuple(map(Phrase, (*asked.keywords, *hints))))


def vocabulary(asked: Asked, checked: CheckedVocabulary) -> Vocabulary:
    """Raises ``InvalidField`` for the first keyword that cannot be used."""
    for number, keyword in enumerate(checked.phrases[: len(asked.keywords)]):
        if keyword.warning:
            raise InvalidField(f"keywords[{number}]: {keyword.warning}.", field=_KEYWORDS)
    return checked.accepted


def profile(model: str, models: Mapping[str, str]) -> str:
    """Raises ``UnknownModel``."""
    try:
        return models[model]
    except KeyError:
        raise UnknownModel(
            f"The model {model!r} does not exist; this server has {', '.join(models)}.", field="model"
        ) from None


def _required(form: Form, name: str) -> str:
    text = form.text(name)
    if text is None:
        raise MissingField(f"{name} is missing.", field=name)
    return text


def _response_format(form: Form) -> str:
    return form.choice("response_format", RESPONSE_FORMATS) or "json"


def _granularities(form: Form, response_format: str) -> frozenset[str]:
    given = {*form.texts("timestamp_granularities[]"), *form.texts("timestamp_granularities")}
    if not given <= set(GRANULARITIES):
        raise InvalidField("timestamp_granularities must be word or segment.", field="timestamp_granularities")
    if given and response_format != "verbose_json":
        raise InvalidField(
            "timestamp_granularities needs response_format verbose_json.", field="timestamp_granularities"
        )
    return frozenset(given or {"segment"}) if response_format == "verbose_json" else frozenset()


def _language(form: Form) -> str | None:
    language = form.text("language")
    try:
        return None if language is None else iso_639_1(language)
    except ValueError:
        raise InvalidField("language must be a code of ISO 639-1, such as en.", field="language") from None


def reply(transcript: Transcript, asked: Asked) -> Reply:
    match asked.response_format:
        case "json":
            return json_reply(wire.Transcription(transcript.text, _usage(transcript)))
        case "verbose_json":
            return json_reply(_verbose(transcript, asked.granularities))
        case "diarized_json":
            return json_reply(_diarized(transcript))
        case "text":
            return Reply(200, f"{transcript.text}\n".encode(), _TEXT_TYPE)
        case subtitles:
            return Reply(200, FORMATS[subtitles](transcript).encode(), _TEXT_TYPE)


def _verbose(transcript: Transcript, granularities: frozenset[str]) -> wire.VerboseTranscription:
    words = [
        wire.Word(text, word.start_ms / 1000, word.end_ms / 1000)
        for word in transcript.words
        if (text := bare(word.text))
    ]
    return wire.VerboseTranscription(
        language=english_name(transcript.language),
        duration=transcript.duration_ms / 1000,
        text=transcript.text,
        usage=_usage(transcript),
        words=words if "word" in granularities else UNSET,
        segments=_segments(transcript.segments) if "segment" in granularities else UNSET,
    )


def _segments(segments: Iterable[ours.Segment]) -> list[wire.Segment]:
    """What this recogniser has no number for is what it is known to be: no tokens of this vendor's model, a search
    without randomness, and speech, because segments are cut out by a voice activity detector."""
    return [
        wire.Segment(
            id=number,
            seek=segment.start_ms // 10,
            start=segment.start_ms / 1000,
            end=segment.end_ms / 1000,
            text=space(_A_WORD, segment.text) + segment.text,
            tokens=[],
            temperature=0.0,
            avg_logprob=round(math.log(max(segment.confidence, 1e-6)), 6),
            compression_ratio=_compression_ratio(segment.text),
            no_speech_prob=0.0,
        )
        for number, segment in enumerate(segments)
    ]


def _diarized(transcript: Transcript) -> wire.DiarizedTranscription:
    return wire.DiarizedTranscription(
        duration=transcript.duration_ms / 1000,
        text=transcript.text,
        segments=[
            wire.DiarizedSegment(
                id=f"seg_{number}",
                start=segment.start_ms / 1000,
                end=segment.end_ms / 1000,
                text=segment.text,
                speaker=_letters(segment.speaker or 0),
            )
            for number, segment in enumerate(transcript.segments)
        ],
        usage=_usage(transcript),
    )


def _letters(speaker: int) -> str:
    """A to Z, then AA, AB and so on."""
    more, last = divmod(speaker, 26)
    return (_letters(more - 1) if more else "") + ascii_uppercase[last]


def _compression_ratio(text: str) -> float:
    raw = text.encode()
    return round(len(raw) / len(zlib.compress(raw)), 6)


def _usage(transcript: Transcript) -> wire.Usage:
    return wire.Usage(seconds=math.ceil(transcript.duration_ms / 1000))


def delta(segment: ours.Segment, before: str) -> wire.TextDelta:
    """The deltas of a recording join to its text. ``before`` is the text of the segment before."""
    return wire.TextDelta(delta=space(before, segment.text) + segment.text)


def model(name: str) -> wire.Model:
    return wire.Model(id=name, created=_CREATED_UNKNOWN, owned_by=_OWNER)


def model_list(names: Iterable[str]) -> wire.ModelList:
    return wire.ModelList(data=[model(name) for name in names])
