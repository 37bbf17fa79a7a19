"""Laws of words and their speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.assemble import Assembler
from dragoman.core.events import Final, Finished, Opened, SpeakersFound
from dragoman.core.spacing import joined
from dragoman.core.speakers import placed, with_speakers
from dragoman.core.transcript import Segment, SpeakerChange, Transcript, Turn, Word
from strategies import transcripts

pytestmark = pytest.mark.unit


@st.composite
def told(draw: st.DrawFn) -> tuple[Transcript, tuple[Turn, ...]]:
    """A transcript and turns, each of a speaker of its own, most of them where somebody speaks."""
    transcript = draw(transcripts())
    edges = st.sampled_from([0, *(edge for s in transcript.segments for edge in (s.start_ms, s.end_ms))])
    turns = []
    for number in range(draw(st.integers(0, 8))):
        start_ms = max(0, draw(edges) + draw(st.integers(-1_500, 1_500)))
        end_ms = start_ms + draw(st.integers(1, 9_000))
        turns.append(Turn(start_ms, end_ms, number, draw(st.sampled_from(transcript.channels))))
    return transcript, tuple(turns)


def shared_ms(word: Word, turn: Turn) -> int:
    return min(word.end_ms, turn.end_ms) - max(word.start_ms, turn.start_ms)


def nearest(word: Word, turns: Sequence[Turn]) -> set[int]:
    most = max(shared_ms(word, turn) for turn in turns)
    return {turn.speaker for turn in turns if shared_ms(word, turn) == most}


@given(told())
def test_a_word_goes_to_whose_turn_it_shares_most_with(case: tuple[Transcript, tuple[Turn, ...]]) -> None:
    transcript, turns = case
    owners: dict[int, set[int]] = {}
    for segment in with_speakers(transcript.segments, turns):
        own = [turn for turn in turns if turn.channel == segment.channel]
        for word in segment.words:
            assert (word.speaker is None) == (not own)
            if word.speaker is not None:
                owners.setdefault(word.speaker, nearest(word, own)).intersection_update(nearest(word, own))
    assert all(owners.values())


@given(told())
def test_nothing_is_lost_and_every_segment_is_one_persons(case: tuple[Transcript, tuple[Turn, ...]]) -> None:
    transcript, turns = case
    segments = with_speakers(transcript.segments, turns)
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert [s.start_ms for s in segments] == sorted(s.start_ms for s in segments)
    for channel in transcript.channels:
        parts = [segment for segment in segments if segment.channel == channel]
        words = [replace(word, speaker=None) for part in parts for word in part.words]
        assert words == [word for segment in transcript.channel(channel) for word in segment.words]
        assert joined(p.text for p in parts) == joined(s.text for s in transcript.channel(channel))
        for part in parts:
            assert {word.speaker for word in part.words} <= {part.speaker}
            if part.words:
                assert (part.start_ms, part.end_ms) == (part.words[0].start_ms, part.words[-1].end_ms)


@given(told())
def test_speakers_are_numbered_as_they_begin_and_are_of_one_channel(case: tuple[Transcript, tuple[Turn, ...]]) -> None:
    transcript, turns = case
    segments = with_speakers(transcript.segments, turns)
    said = sorted((w.start_ms, s.channel, w.speaker) for s in segments for w in s.words if w.speaker is not None)
    first = list(dict.fromkeys(speaker for _, _, speaker in said))
    assert first == list(range(len(first)))
    assert all(len({channel for _, channel, who in said if who == speaker}) == 1 for speaker in first)


@given(told(), st.lists(st.integers(0, 20_000), max_size=6))
def test_changes_lie_at_words_and_never_before_the_first(
    case: tuple[Transcript, tuple[Turn, ...]], times: list[int]
) -> None:
    transcript, _ = case
    asked = [SpeakerChange(at_ms, channel) for at_ms in times for channel in transcript.channels]
    found = placed(asked, transcript.segments)
    assert list(found) == sorted(set(found), key=lambda change: (change.at_ms, change.channel))
    for channel in transcript.channels:
        starts = [word.start_ms for segment in transcript.channel(channel) for word in segment.words]
        own = [change.at_ms for change in found if change.channel == channel]
        assert len(own) <= len(set(times))
        assert set(own) <= set(starts[1:])


def test_a_change_inside_a_word_is_at_the_nearer_edge() -> None:
    words = (Word("a", 0, 300, 1), Word("b", 300, 600, 1), Word("c", 600, 900, 1))
    segment = Segment(0, 0, 0, 900, "a b c", 1, words)
    for at_ms, expected in ((0, ()), (149, ()), (160, (300,)), (440, (300,)), (460, (600,)), (800, ())):
        assert tuple(change.at_ms for change in placed([SpeakerChange(at_ms)], [segment])) == expected


@given(told())
def test_a_transcript_is_told_when_its_events_are(case: tuple[Transcript, tuple[Turn, ...]]) -> None:
    transcript, turns = case
    assembler = Assembler()
    assembler.add(Opened(None, transcript.channels))
    for segment in transcript.segments:
        assembler.add(Final(segment))
    assembler.add(SpeakersFound(turns))
    assembler.add(Finished(transcript.duration_ms, transcript.language, transcript.model))
    segments = with_speakers(transcript.segments, turns) if turns else transcript.segments
    assert assembler.transcript() == replace(transcript, segments=segments)
