"""A transcript in Speechmatics's formats. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import attrgetter
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.apis.speechmatics_v1 import translate, wire
from dragoman.apis.speechmatics_v1.translate import Options
from dragoman.core.jobs import Job
from dragoman.core.spacing import joined
from dragoman.core.transcript import Segment, SpeakerChange, Transcript, Word
from dragoman.formats import srt
from dragoman.formats.labels import Names
from dragoman.language.punctuation import bare
from dragoman.language.spelling import respell

_UNKNOWN_SPEAKER: Final = "UU"
_SENTENCE_ENDS: Final = frozenset(".?!…。？！")
_ABBREVIATIONS: Final = frozenset({"mr", "mrs", "ms", "dr", "st", "jr", "sr", "prof", "vs", "etc"})
_INITIALS: Final = re.compile(r"[^\W\d_](\.[^\W\d_])+")
"""Abbreviations whose period is part of them."""
_SIGNS: Final = frozenset(".-")
"""In front of digits they are part of the number."""


@dataclass(frozen=True, slots=True)
class Output:
    """A format: its name in requests and as a file's extension, its content type."""

    extension: str
    content_type: str
    render: Callable[[Job, Transcript], bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """A word, or a mark of punctuation at an instant."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float
    attaches_to: Literal["previous", "next", "none"] | None = None

    @property
    def ends_sentence(self) -> bool:
        return self.attaches_to in ("previous", "none") and self.text[0] in _SENTENCE_ENDS


@dataclass(frozen=True, slots=True)
class Placed:
    """A word with the channel that it is on."""

    channel: int
    word: Word


def empty(job: Job) -> Transcript:
    """Of a recording without a sample."""
    return Transcript(job.request.language or "", "", 0, (0,), ())


def shown(transcript: Transcript, told: Options) -> Transcript:
    """In the wanted spelling, with no marks of punctuation but the permitted ones."""
    overrides = told.transcription_config.punctuation_overrides
    marks = overrides.permitted_marks if overrides else None
    permitted = None if marks is None or "all" in marks else frozenset(marks)
    locale = told.locale if transcript.language == "en" else None
    if permitted is None and locale is None:
        return transcript
    segments = []
    for segment in transcript.segments:
        words = tuple(filter(attrgetter("text"), (_shown(word, permitted, locale) for word in segment.words)))
        if words:
            segments.append(replace(segment, words=words, text=joined(word.text for word in words)))
    return replace(transcript, segments=tuple(segments))


def _shown(word: Word, permitted: Collection[str] | None, locale: str | None) -> Word:
    text = word.text
    if permitted is not None:
        before, core, after = _parts(text)
        text = "".join((*filter(permitted.__contains__, before), core, *filter(permitted.__contains__, after)))
    return replace(word, text=respell(text, locale) if locale else text, characters=())


def items(word: Word) -> Iterator[Item]:
    """Equal marks that stand together are one. Joined as they attach to each other they are the word again."""
    before, core, after = _parts(word.text)
    if not core:
        alone, *others = _marks(before)
        yield Item(alone, word.start_ms, word.end_ms, word.confidence, "none")
        yield from (Item(mark, word.end_ms, word.end_ms, 1.0, "previous") for mark in others)
        return
    yield from (Item(mark, word.start_ms, word.start_ms, 1.0, "next") for mark in _marks(before))
    yield Item(core, word.start_ms, word.end_ms, word.confidence)
    yield from (Item(mark, word.end_ms, word.end_ms, 1.0, "previous") for mark in _marks(after))


def _parts(text: str) -> tuple[str, str, str]:
    """Marks before it, the word, marks behind it. Without a word all is before it."""
    core = bare(text)
    before, _, after = text.partition(core) if core else (text, "", "")
    if before[-1:] in _SIGNS and core[:1].isdigit():
        before, core = before[:-1], before[-1:] + core
    if after.startswith(".") and (core.lower() in _ABBREVIATIONS or _INITIALS.fullmatch(core)):
        core, after = core + ".", after[1:]
    return before, core, after


def _marks(text: str) -> list[str]:
    return ["".join(same) for _, same in groupby(text)]


def speaker(word: Word) -> str:
    """Who says a word."""
    return _UNKNOWN_SPEAKER if word.speaker is None else speaker_name(word.speaker)


def speaker_name(number: int) -> str:
    return f"S{number + 1}"


def channel_name(told: Options) -> Callable[[int], str] | None:
    """What channels are called; ``None`` when they were mixed."""
    config = told.transcription_config
    if config.diarization not in translate.SPLITS_CHANNELS:
        return None
    labels = config.channel_diarization_labels or ()
    return lambda channel: labels[channel] if channel < len(labels) else f"channel_{channel + 1}"


def by_time(transcript: Transcript) -> list[Placed]:
    """The words of all channels, in the order in which they begin."""
    words = (Placed(segment.channel, word) for segment in transcript.segments for word in segment.words)
    return sorted(words, key=lambda placed: (placed.word.start_ms, placed.channel))


def by_sentence(transcript: Transcript) -> list[Placed]:
    """The same, with sentences that overlap one behind the other."""
    sentences: list[list[Placed]] = []
    for segment in transcript.segments:
        sentences.append([])
        for word in segment.words:
            sentences[-1].append(Placed(segment.channel, word))
            if any(item.ends_sentence for item in items(word)):
                sentences.append([])
    begun = sorted(filter(None, sentences), key=lambda said: (said[0].word.start_ms, said[0].channel))
    return list(chain.from_iterable(begun))


def turns(words: Iterable[Placed], told: Options) -> list[tuple[str, list[Placed]]]:
    """Who said what: the words in their order, those of one channel or speaker together while nobody else says one."""
    name = channel_name(told)
    grouped = groupby(words, lambda placed: name(placed.channel) if name else speaker(placed.word))
    return [(label, list(group)) for label, group in grouped]


def _job(job: Job, told: Options, transcript: Transcript) -> wire.JobOfTranscript:
    return wire.JobOfTranscript(
        created_at=translate.c_time(job.created_ms),
        duration=translate.seconds(transcript.duration_ms) or 0,
        id=job.number,
        lang=told.lang,
        meta=UNSET if told.meta is None else told.meta,
        name=job.name,
        user_id=told.user_id,
    )


def json(job: Job, transcript: Transcript) -> bytes:
    """Of version 1."""
    told = translate.options(job)
    words = by_time(shown(transcript, told))
    return msgspec.json.encode(
        wire.Transcript(
            job=_job(job, told, transcript),
            speakers=_speakers(turns(words, told)),
            words=[
                _span(item.text, item.start_ms, item.end_ms, item.confidence)
                for placed in words
                for item in items(placed.word)
            ],
        )
    )


def _speakers(said: list[tuple[str, list[Placed]]]) -> list[wire.Span]:
    """A turn lasts until the next one begins, the last one until its last word has ended."""
    starts_ms = [words[0].word.start_ms for _, words in said]
    end_ms = max((placed.word.end_ms for _, words in said for placed in words), default=0)
    ends_ms = [*starts_ms[1:], end_ms]
    return [_span(said[n][0], starts_ms[n], ends_ms[n], None) for n in range(len(said))]


def _span(name: str, start_ms: int, end_ms: int, confidence: float | None) -> wire.Span:
    return wire.Span(
        confidence=None if confidence is None else f"{confidence:.3f}",
        duration=_decimal(end_ms - start_ms),
        name=name,
        time=_decimal(start_ms),
    )


def _decimal(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03}000"


def json_v2(job: Job, transcript: Transcript) -> bytes:
    told = translate.options(job)
    name = channel_name(told)

    def channel(number: int) -> str | UnsetType:
        return name(number) if name else UNSET

    def changed(change: SpeakerChange) -> wire.Result:
        at_s = change.at_ms / 1000
        return wire.Result(
            channel=channel(change.channel), start_time=at_s, end_time=at_s, type="speaker_change", alternatives=[]
        )

    def result(placed: Placed, item: Item) -> wire.Result:
        return wire.Result(
            channel=channel(placed.channel),
            start_time=item.start_ms / 1000,
            end_time=item.end_ms / 1000,
            type="punctuation" if item.attaches_to else "word",
            alternatives=[
                wire.Alternative(
                    confidence=round(item.confidence, 2),
                    content=item.text,
                    language=transcript.language,
                    speaker=speaker(placed.word),
                )
            ],
            attaches_to=item.attaches_to or UNSET,
            is_eos=item.ends_sentence if item.attaches_to else UNSET,
        )

    heard: list[Placed | SpeakerChange] = [*transcript.changes, *by_time(shown(transcript, told))]
    return msgspec.json.encode(
        wire.TranscriptV2(
            job=_job(job, told, transcript),
            metadata=wire.Metadata(
                created_at=translate.iso_time(job.ended_ms or job.created_ms), transcription_config=told.config
            ),
            results=[
                each
                for said in sorted(heard, key=_place)
                for each in (
                    [changed(said)]
                    if isinstance(said, SpeakerChange)
                    else [result(said, item) for item in items(said.word)]
                )
            ],
        )
    )


def _place(said: Placed | SpeakerChange) -> tuple[int, int]:
    return (said.at_ms if isinstance(said, SpeakerChange) else said.word.start_ms), said.channel


def txt(job: Job, transcript: Transcript) -> bytes:
    """A paragraph for each turn; channels and speakers have their name above it."""
    told = translate.options(job)
    named = channel_name(told) or told.transcription_config.diarization == "speaker"
    heading = "SPEAKER: {}\n" if named else ""
    said = turns(by_sentence(shown(transcript, told)), told)
    paragraphs = ((heading.format(label), joined(placed.word.text for placed in words)) for label, words in said)
    return "\n".join(f"{above}{text}\n" for above, text in paragraphs).encode()


def subtitles(job: Job, transcript: Transcript) -> bytes:
    told = translate.options(job)
    return srt.render(shown(transcript, told), Names(channel_name(told) or str, speaker_name)).encode()


def alignment(job: Job, transcript: Transcript, *, one_per_line: bool) -> bytes:
    """The words with their times; a segment a line."""
    said = shown(transcript, translate.options(job))
    line = _line if one_per_line else _tagged
    ordered = sorted(said.segments, key=lambda segment: (segment.start_ms, segment.channel))
    return "".join(f"{line(segment)}\n" for segment in ordered).encode()


def _line(segment: Segment) -> str:
    tenths = segment.start_ms // 100
    minutes, tenths = divmod(tenths, 600)
    return f"[{minutes // 60:02}:{minutes % 60:02}:{tenths // 10:02}.{tenths % 10}]\t{segment.text}"


def _tagged(segment: Segment) -> str:
    words = segment.words
    return " ".join(f"<time={_hundredths(w.start_ms)}>{w.text}<time={_hundredths(w.end_ms)}>" for w in words)


def _hundredths(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000 // 10:02}"


_TEXT: Final = "text/plain; charset=utf-8"
OUTPUTS: Final = {
    "json": Output("json", "application/json", json),
    "json-v2": Output("json", "application/json", json_v2),
    "txt": Output("txt", _TEXT, txt),
    "srt": Output("srt", _TEXT, subtitles),
}
"""What ``format`` may name."""
