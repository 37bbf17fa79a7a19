"""Phonexia's words ↔ ours. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from msgspec import UNSET

from dragoman.apis.phonexia_v1 import vocabulary, wire
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import InvalidField
from dragoman.core.ports import Instances
from dragoman.core.request import ChannelMode, ChannelSelection, RecognitionRequest, TimeDetail
from dragoman.core.spacing import joined
from dragoman.core.transcript import Segment, Transcript, Word
from dragoman.language.graphemes import WORD_SEPARATOR
from dragoman.language.punctuation import bare
from dragoman.service.vocabulary import CheckedVocabulary
from dragoman.transport.form import Form

Echoing = TypeVar("Echoing", wire.Recognition, wire.StreamRecognition)

FIELDS: Final = frozenset({"file", "preferred_phrases"})
STREAM_FIELDS: Final = frozenset({"frequency"})
STREAM_REQUEST: Final = RecognitionRequest(time_detail=TimeDetail.WORD)
DEFAULT_FREQUENCY: Final = 8_000
UNITS_PER_MS: Final = 10_000
MIN_SILENCE_MS: Final = 180
"""The vendor reports silences longer than this."""
MIN_CONFIDENCE: Final = 1e-6
"""Keeps the logarithm finite."""


def request(form: Form) -> RecognitionRequest:
    """Every channel by itself, words with their times."""
    form.allow_only(FIELDS)
    return RecognitionRequest(time_detail=TimeDetail.WORD, channels=ChannelSelection(ChannelMode.SPLIT))


def frequency(query: Form) -> int:
    """Samples a second of a stream. Raises ``InvalidField``, ``UnsupportedOption``."""
    query.allow_only(STREAM_FIELDS)
    match query.fields.get("frequency", ()):
        case ():
            return DEFAULT_FREQUENCY
        case (text,) if text.isascii() and text.isdigit() and len(text) <= 18:
            return int(text)
        case _:
            raise InvalidField("The frequency must be one number of samples a second, such as 8000.", field="frequency")


def recognition(transcript: Transcript, filename: str, model: str) -> wire.Recognition:
    words = [word.confidence for word in transcript.words]
    texts = {channel: transcript.channel(channel) for channel in transcript.channels}
    return wire.Recognition(
        file="/" + filename.replace("\\", "/").rpartition("/")[2],
        model=model,
        transcription=[
            wire.ChannelText(channel, joined(segment.text for segment in segments))
            for channel, segments in texts.items()
        ],
        confidence=_rounded(sum(words) / len(words)) if words else 1.0,
        segmentation=[
            item
            for channel, segments in texts.items()
            for item in _segmentation(channel, segments, transcript.duration_ms)
        ],
    )


def with_echo(said: Echoing, preferred: wire.Preferred, checked: CheckedVocabulary) -> Echoing:
    """What was sent, as it was taken; what was not sent is not there."""
    if preferred.phrases is not UNSET:
        said.phrases = vocabulary.phrases(checked)
    if preferred.dictionary is not UNSET:
        said.dictionary = vocabulary.dictionary(checked)
    return said


def _segmentation(channel: int, segments: Sequence[Segment], duration_ms: int) -> Iterator[wire.Item]:
    """The items of a channel in the order of time; gaps, also before the first and after the last, are silences."""
    at_ms = 0
    for segment in segments:
        yield from segment_items(segment, at_ms)
        at_ms = segment.end_ms
    yield from silence(channel, at_ms, duration_ms)


def segment_items(segment: Segment, at_ms: int) -> Iterator[wire.Item]:
    """What follows ``at_ms``, where the segment before ended."""
    yield from beginning(segment, at_ms)
    at_ms = segment.start_ms
    for word in segment.words:
        if items := word_items(segment.channel, word, at_ms):
            yield from items
            at_ms = word.end_ms
    yield from silence(segment.channel, at_ms, segment.end_ms)
    yield _mark(segment.channel, segment.end_ms, segment.end_ms, "</segment>")


def beginning(segment: Segment, at_ms: int) -> Sequence[wire.Item]:
    """What comes before its first word. One that is still being spoken has nothing behind the last."""
    mark = _mark(segment.channel, segment.start_ms, segment.start_ms, "<segment>")
    return (*silence(segment.channel, at_ms, segment.start_ms), mark)


def word_items(channel: int, word: Word, at_ms: int) -> Sequence[wire.Item]:
    """A word behind ``at_ms``, where the one before ended; nothing for a mark without letters."""
    text = (word.text if word.text.isalnum() else bare(word.text)).lower()
    return (*silence(channel, at_ms, word.start_ms), _word(channel, word, text)) if text else ()


def silence(channel: int, start_ms: int, end_ms: int) -> Sequence[wire.Item]:
    """One item, or none where the gap is too short to be told."""
    return (_mark(channel, start_ms, end_ms, "<silence/>"),) if end_ms - start_ms > MIN_SILENCE_MS else ()


def _mark(channel: int, start_ms: int, end_ms: int, name: str) -> wire.Item:
    return wire.Item(channel, 0.0, 1.0, start_ms * UNITS_PER_MS, end_ms * UNITS_PER_MS, name)


def _word(channel: int, word: Word, text: str) -> wire.Item:
    confidence = max(_rounded(word.confidence), MIN_CONFIDENCE)
    return wire.Item(
        channel,
        _rounded(math.log(confidence)),
        confidence,
        word.start_ms * UNITS_PER_MS,
        word.end_ms * UNITS_PER_MS,
        text,
    )


def _rounded(value: float) -> float:
    return round(value, 6)


def model_name(capabilities: Capabilities) -> str:
    """A name of the vendor's form, ``EN_US_1``: language, region, generation. It stays the same when the model is
    updated; the version does not."""
    language = capabilities.languages[0]
    return f"{language}_{_REGIONS.get(language, language)}_1".upper()


_REGIONS: Final = {
    "ar": "xl", "cs": "cz", "da": "dk", "el": "gr", "en": "us", "et": "ee", "fa": "ir", "he": "il", "hi": "in",
    "ja": "jp", "ko": "kr", "nb": "no", "sl": "si", "sr": "rs", "sv": "se", "uk": "ua", "vi": "vn", "zh": "cn",
}  # fmt: skip
"""Where the region of a language is not named like the language."""


def graphemes(letters: tuple[str, ...]) -> wire.Body[wire.Graphemes]:
    return wire.Body(wire.Graphemes(graphemes=letters, word_separator=WORD_SEPARATOR))


def phonemes(symbols: tuple[str, ...]) -> wire.Body[wire.Phonemes]:
    return wire.Body(wire.Phonemes(phonemes=symbols))


def classes(names: tuple[str, ...]) -> wire.Body[wire.Classes]:
    return wire.Body(wire.Classes(classes=list(map(wire.Class, names))))


def checked_dictionary(checked: CheckedVocabulary) -> wire.Body[wire.CheckedDictionary]:
    return wire.Body(wire.CheckedDictionary(dictionary=vocabulary.dictionary(checked)))


def technologies(
    capabilities: Capabilities, files: Instances, streams: Instances, model: str
) -> wire.Body[wire.Technologies]:
    return wire.Body(
        wire.Technologies(
            technologies=[
                wire.Technology(name, [wire.Model(model, capabilities.version, instances.total, instances.busy)])
                for name, instances in (("Speech To Text", files), ("Speech To Text Input Stream", streams))
            ]
        )
    )
