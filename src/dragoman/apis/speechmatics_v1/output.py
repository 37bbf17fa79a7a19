"""A transcript in Speechmatics's formats. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from dragoman.apis.speechmatics_v1 import translate, wire
from dragoman.apis.speechmatics_v1.translate import Options
from dragoman.core.jobs import Job
from dragoman.core.transcript import Segment, Transcript, Word
from dragoman.formats import srt
from dragoman.language.punctuation import bare
from dragoman.language.spelling import respell

_UNKNOWN_SPEAKER: Final = "UU"
_SENTENCE_ENDS: Final = frozenset(".?!…")
_ABBREVIATIONS: Final = frozenset({"mr", "mrs", "ms", "dr", "st", "jr", "sr", "prof", "vs", "etc"})
_INITIALS: Final = re.compile(r"[^\W\d_](\.[^\W\d_])+")
"""Abbreviations whose period is part of them."""


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
        return self.text[0] in _SENTENCE_ENDS


@dataclass(frozen=True, slots=True)
class Turn:
    """Segments of one channel and speaker, one after the other; ``until_ms`` is where the next turn begins."""

    label: str
    segments: tuple[Segment, ...]
    until_ms: int

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


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
            segments.append(replace(segment, words=words, text=" ".join(word.text for word in words)))
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
    if after.startswith(".") and (core.lower() in _ABBREVIATIONS or _INITIALS.fullmatch(core)):
        core, after = core + ".", after[1:]
    return before, core, after


def _marks(text: str) -> list[str]:
    return ["".join(same) for _, same in groupby(text)]


def speaker(word: Word) -> str:
    """Who says a word. Nobody is told apart yet."""
    return _UNKNOWN_SPEAKER


def channel_name(told: Options) -> Callable[[int], str] | None:
    """What channels are called; ``None`` when they were mixed."""
    config = told.transcription_config
    if config.diarization != "channel":
        return None
    labels = config.channel_diarization_labels or ()
    return lambda channel: labels[channel] if channel < len(labels) else f"channel_{channel + 1}"


def turns(transcript: Transcript, told: Options) -> list[Turn]:
    name = channel_name(told)
    ordered = sorted(transcript.segments, key=lambda segment: (segment.start_ms, segment.channel))

    def label(segment: Segment) -> str:
        return name(segment.channel) if name else _UNKNOWN_SPEAKER

    groups = [(said_by, tuple(group)) for said_by, group in groupby(ordered, label)]
    end_ms = max((segment.end_ms for segment in ordered), default=0)
    ends_ms = [*(group[0].start_ms for _, group in groups[1:]), end_ms]
    return [Turn(said_by, group, until_ms) for (said_by, group), until_ms in zip(groups, ends_ms, strict=False)]


def _in_order(transcript: Transcript) -> list[tuple[int, Word]]:
    """The words of all channels by their time, each with its channel."""
    words = [(segment.channel, word) for segment in transcript.segments for word in segment.words]
    return sorted(words, key=lambda entry: (entry[1].start_ms, entry[0]))


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
    said = shown(transcript, told)
    return msgspec.json.encode(
        wire.Transcript(
            job=_job(job, told, transcript),
            speakers=[_span(turn.label, turn.segments[0].start_ms, turn.until_ms, None) for turn in turns(said, told)],
            words=[
                _span(item.text, item.start_ms, item.end_ms, item.confidence)
                for _, word in _in_order(said)
                for item in items(word)
            ],
        )
    )


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

    def result(channel: int, word: Word, item: Item) -> wire.Result:
        return wire.Result(
            channel=name(channel) if name else UNSET,
            start_time=item.start_ms / 1000,
            end_time=item.end_ms / 1000,
            type="punctuation" if item.attaches_to else "word",
            alternatives=[
                wire.Alternative(
                    confidence=round(item.confidence, 2),
                    content=item.text,
                    language=transcript.language,
                    speaker=speaker(word),
                )
            ],
            attaches_to=item.attaches_to or UNSET,
            is_eos=item.ends_sentence if item.attaches_to else UNSET,
        )

    return msgspec.json.encode(
        wire.TranscriptV2(
            job=_job(job, told, transcript),
            metadata=wire.Metadata(
                created_at=translate.iso_time(job.ended_ms or job.created_ms), transcription_config=told.config
            ),
            results=[
                result(channel, word, item)
                for channel, word in _in_order(shown(transcript, told))
                for item in items(word)
            ],
        )
    )


def txt(job: Job, transcript: Transcript) -> bytes:
    """A paragraph for each turn; channels have their name above it."""
    told = translate.options(job)
    heading = "SPEAKER: {}\n" if channel_name(told) else ""
    said = turns(shown(transcript, told), told)
    return "\n".join(f"{heading.format(turn.label)}{turn.text}\n" for turn in said).encode()


def subtitles(job: Job, transcript: Transcript) -> bytes:
    told = translate.options(job)
    return srt.render(shown(transcript, told), channel_name(told) or str).encode()


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
