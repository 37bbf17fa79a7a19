"""Hypothesis strategies for our own words, shared by the tests of every floor."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from dragoman.core.spacing import joined
from dragoman.core.transcript import Segment, Transcript, Word

confidences = st.floats(0, 1)
word_texts = st.text(
    alphabet=st.one_of(st.sampled_from("abcdefgh.,?!&<>-'\"0"), st.characters(exclude_categories=("Z", "C"))),
    min_size=1,
    max_size=60,
)


@st.composite
def segments(draw: st.DrawFn, index: int, channel: int, start_ms: int) -> Segment:
    """A segment of a few words in order, with or without the words."""
    words: list[Word] = []
    at_ms = start_ms
    for text in draw(st.lists(word_texts, min_size=1, max_size=30)):
        begin_ms = at_ms + draw(st.integers(0, 2_000))
        at_ms = begin_ms + draw(st.integers(0, 1_500))
        words.append(Word(text, begin_ms, at_ms, draw(confidences)))
    text = joined(word.text for word in words)
    return Segment(
        index, channel, words[0].start_ms, at_ms, text, draw(confidences), tuple(words) if draw(st.booleans()) else ()
    )


@st.composite
def transcripts(draw: st.DrawFn, max_channels: int = 3) -> Transcript:
    """A valid transcript: per channel, segments in order that do not overlap; some silent channels, any length."""
    channels = tuple(range(draw(st.integers(1, max_channels))))
    found: list[Segment] = []
    duration_ms = 0
    for channel in channels:
        at_ms = draw(st.sampled_from([0, 5, 3_599_000, 400_000_000]))
        for _ in range(draw(st.integers(0, 4))):
            segment = draw(segments(len(found), channel, at_ms))
            found.append(segment)
            at_ms = segment.end_ms + draw(st.integers(0, 3_000))
        duration_ms = max(duration_ms, at_ms)
    ordered = tuple(sorted(found, key=lambda segment: (segment.start_ms, segment.channel, segment.index)))
    return Transcript("en", "model", duration_ms, channels, ordered)


@st.composite
def diarized(draw: st.DrawFn, max_channels: int = 2) -> Transcript:
    """The same, with a speaker of every segment that has words, or of most of them."""
    transcript = draw(transcripts(max_channels))
    told = []
    for segment in transcript.segments:
        speaker = draw(st.sampled_from([0, 1, 2, None]))
        told.append(replace(segment, words=tuple(replace(word, speaker=speaker) for word in segment.words)))
    return replace(transcript, segments=tuple(told))
