"""Laws of subtitle cues."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from dragoman.core.spacing import width
from dragoman.core.transcript import Segment, Transcript, Word
from dragoman.formats.cues import MAX_CUE_MS, MAX_LINE, MIN_GAP_MS, clock, cues
from strategies import diarized, transcripts

pytestmark = pytest.mark.unit


def spoken(
    sentence: str, *, word_ms: int = 300, pause_ms: int = 50, pauses: dict[int, int] | None = None
) -> Transcript:
    """A sentence said word by word; ``pauses`` are longer ones before the words of these numbers."""
    words, at_ms = [], 1_000
    for number, text in enumerate(sentence.split()):
        at_ms += (pauses or {}).get(number, pause_ms)
        words.append(Word(text, at_ms, at_ms + word_ms, 0.9))
        at_ms += word_ms
    segment = Segment(0, 0, words[0].start_ms, at_ms, sentence, 0.9, tuple(words))
    return Transcript("en", "model", at_ms + 5_000, (0,), (segment,))


def lines(transcript: Transcript) -> list[str]:
    return [" / ".join(cue.lines) for cue in cues(transcript)]


def letters(text: str) -> str:
    return "".join(text.split())


@given(transcripts())
def test_every_word_is_shown_once_in_order(transcript: Transcript) -> None:
    shown = cues(transcript)
    for channel in transcript.channels:
        text = "".join("".join(cue.lines) for cue in shown if cue.channel == channel)
        assert letters(text) == letters("".join(segment.text for segment in transcript.channel(channel)))


@given(transcripts())
def test_cues_are_in_order_and_those_of_a_channel_never_overlap(transcript: Transcript) -> None:
    shown = cues(transcript)
    assert all(0 <= cue.start_ms < cue.end_ms for cue in shown)
    assert all(first.start_ms <= second.start_ms for first, second in pairwise(shown))
    for channel in transcript.channels:
        own = [cue for cue in shown if cue.channel == channel]
        assert all(first.end_ms <= second.start_ms for first, second in pairwise(own))


@given(diarized())
def test_a_cue_is_never_of_two_speakers(transcript: Transcript) -> None:
    shown = cues(transcript)
    for channel in transcript.channels:
        expected = [(s.speaker, letter) for s in transcript.channel(channel) for letter in letters(s.text)]
        own = [cue for cue in shown if cue.channel == channel]
        assert [(cue.speaker, letter) for cue in own for letter in letters("".join(cue.lines))] == expected


@given(transcripts())
def test_a_cue_can_be_read(transcript: Transcript) -> None:
    for cue in cues(transcript, label_width=12):
        assert cue.end_ms - cue.start_ms <= MAX_CUE_MS
        assert len(cue.lines) <= 2
        if len(cue.lines) == 2 or " " in cue.lines[0]:  # anything but a single word
            assert width(cue.lines[0]) <= MAX_LINE - 12
            assert all(width(line) <= MAX_LINE for line in cue.lines)


def test_what_has_no_spaces_is_cut_between_characters_but_not_before_a_mark() -> None:
    text = "今天天气很好，" * 12
    whole = Segment(0, 0, 1_000, 13_000, text, 0.9)
    shown = cues(Transcript("zh", "model", 13_000, (0,), (whole,)))
    assert all(width(line) <= MAX_LINE and not line.startswith("，") for cue in shown for line in cue.lines)
    assert "".join(line for cue in shown for line in cue.lines) == text


@given(transcripts())
def test_a_cue_starts_with_its_first_word(transcript: Transcript) -> None:
    starts = {word.start_ms for word in transcript.words}
    if all(segment.words for segment in transcript.segments):
        crowded = any(
            b.start_ms - a.start_ms < 2 for a, b in pairwise(sorted(transcript.words, key=lambda w: w.start_ms))
        )
        assert crowded or {cue.start_ms for cue in cues(transcript)} <= starts


def test_cuts_fall_after_punctuation() -> None:
    text = (
        "It was the best of times, it was the worst of times. It was the age of wisdom, it was the age of foolishness."
    )
    assert lines(spoken(text)) == [
        "It was the best of times, / it was the worst of times.",
        "It was the age of wisdom, / it was the age of foolishness.",
    ]


def test_cuts_fall_at_pauses_where_there_is_no_punctuation() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    assert lines(spoken(text, pauses={6: 900}))[0] == "one two three four five six"


def test_a_pause_longer_than_a_cue_is_never_inside_one() -> None:
    shown = cues(spoken("before after", pauses={1: MAX_CUE_MS + 1}))
    assert [cue.lines for cue in shown] == [("before",), ("after",)]
    assert shown[0].end_ms < shown[1].start_ms - 5_000


def test_close_cues_have_a_gap_between_them() -> None:
    shown = cues(spoken(" ".join(["word,"] * 60), pause_ms=0))
    assert len(shown) > 2
    assert all(second.start_ms - first.end_ms == MIN_GAP_MS for first, second in pairwise(shown))


def test_without_words_the_time_of_the_segment_is_shared_by_length() -> None:
    text = " ".join(["abcde"] * 40)
    segment = Segment(0, 0, 1_000, 13_000, text, 0.9)
    shown = cues(Transcript("en", "model", 13_000, (0,), (segment,)))
    assert shown[0].start_ms == 1_000
    assert shown[-1].end_ms == 13_000
    letters_per_s = [len("".join(cue.lines)) / (cue.end_ms - cue.start_ms) for cue in shown]
    assert max(letters_per_s) < 1.2 * min(letters_per_s)


def test_silence_has_no_cues() -> None:
    assert cues(Transcript("en", "model", 60_000, (0, 1), ())) == []


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "00:00:00,000"), (3_723_004, "01:02:03,004"), (3_600_000 * 123 + 59_999, "123:00:59,999")]
)
def test_clock_has_as_many_hours_as_needed(ms: int, text: str) -> None:
    assert clock(ms, ",") == text
