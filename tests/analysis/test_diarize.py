"""Speakers told apart on recordings of the wheel: two readers, alone and in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dragoman.analysis.diarize import Diarizer, SpeakerStream
from dragoman.analysis.fbank import Floats
from dragoman.core.speakers import Diarization, speaker_changes
from dragoman.core.transcript import Turn
from recordings import speech

pytestmark = pytest.mark.model

BEGIN_MS = (0, 5_400, 9_800, 15_200)
"""Where the turns of the dialogue begin."""


@pytest.fixture(scope="module")
def diarizer() -> Diarizer:
    diarizer = Diarizer()
    diarizer.load()
    return diarizer


@pytest.fixture(scope="module")
def reader(sample: Callable[[str], Path]) -> Floats:
    return np.ascontiguousarray(speech(sample("two_cities"), 16_000, 24.0))


@pytest.fixture(scope="module")
def dialogue(sample: Callable[[str], Path]) -> Floats:
    """Two readers in turn, at 0, 5.4, 9.8 and 15.2 s."""
    places = (
        ("two_cities", 0, 5.0),
        ("endgame_nagg_nell", 17.4, 4.0),
        ("two_cities", 5, 5.0),
        ("endgame_nagg_nell", 23.6, 3.8),
    )
    parts = [speech(sample(name), 16_000, seconds, start_s=at) for name, at, seconds in places]
    return np.concatenate([each for part in parts for each in (part, np.zeros(6_400, np.float32))])


@pytest.fixture(scope="module")
def found(diarizer: Diarizer, dialogue: Floats) -> Diarization:
    return diarize(diarizer, dialogue)


def listen(stream: SpeakerStream, audio: Floats, piece: int = 16_000) -> None:
    """Hear it all."""
    for start in range(0, len(audio), piece):
        stream.feed(audio[start : start + piece].data)
        while stream.hear():
            pass
    while stream.hear(10**9):
        pass


def diarize(diarizer: Diarizer, audio: Floats, speakers: int = 0, piece: int = 16_000) -> Diarization:
    stream = diarizer.open()
    listen(stream, audio, piece)
    return stream.so_far(speakers)


def check(found: Diarization, audio: Floats) -> None:
    """What is true of every answer."""
    assert list(found.turns) == sorted(found.turns, key=lambda turn: (turn.start_ms, turn.end_ms))
    begun = list(dict.fromkeys(turn.speaker for turn in found.turns))
    assert begun == list(range(len(begun)))
    ended = dict.fromkeys(begun, 0)
    for turn in found.turns:
        assert ended[turn.speaker] <= turn.start_ms < turn.end_ms <= len(audio) / 16
        ended[turn.speaker] = turn.end_ms
    assert [change.at_ms for change in found.changes] == [turn.start_ms for turn in found.turns[1:]]


def test_of_two_at_once_the_louder_is_in_the_foreground(diarizer: Diarizer, dialogue: Floats) -> None:
    """After the dialogue both readers speak for four seconds, and again, each time another one ten times as loud."""
    one, other = (dialogue[at * 16 : (at + 4_000) * 16] for at in (9_800, 5_400))
    found = diarize(diarizer, np.concatenate([dialogue, one + other / 10, one / 10 + other]))
    end_ms = len(dialogue) // 16
    loud = [most(found.foreground, start_ms, start_ms + 4_000) for start_ms in (end_ms, end_ms + 4_000)]
    assert loud == [most(found.turns, 9_800, 13_800), most(found.turns, 5_400, 9_400)]
    assert loud[0] != loud[1]


def most(turns: Sequence[Turn], start_ms: int, end_ms: int) -> int:
    """Who speaks most in a stretch."""
    spoken: dict[int, int] = {}
    for turn in turns:
        common = min(turn.end_ms, end_ms) - max(turn.start_ms, start_ms)
        spoken[turn.speaker] = spoken.get(turn.speaker, 0) + max(common, 0)
    return max(spoken, key=lambda speaker: spoken[speaker])


def test_one_reader_is_one_speaker(diarizer: Diarizer, reader: Floats) -> None:
    found = diarize(diarizer, reader)
    check(found, reader)
    assert {turn.speaker for turn in found.turns} == {0}
    spoken_ms = sum(turn.end_ms - turn.start_ms for turn in found.turns)
    assert 14_000 < spoken_ms < 24_000


def test_who_takes_turns_is_told_apart(found: Diarization, dialogue: Floats) -> None:
    check(found, dialogue)
    assert [most(found.turns, start, start + 3_500) for start in BEGIN_MS] == [0, 1, 0, 1]


def test_changes_of_the_speaker_are_where_another_begins(found: Diarization) -> None:
    changes = speaker_changes(found.changes, 0.4)
    for true_ms in BEGIN_MS[1:]:
        assert any(-500 < change - true_ms < 1_500 for change in changes)
    assert len(speaker_changes(found.changes, 0.0)) <= len(changes) <= len(speaker_changes(found.changes, 1.0))


@pytest.mark.parametrize("piece", [777, 160_240, 10**7])
def test_the_pieces_that_audio_comes_in_do_not_matter(
    diarizer: Diarizer, dialogue: Floats, found: Diarization, piece: int
) -> None:
    assert diarize(diarizer, dialogue, piece=piece) == found


def test_being_asked_on_the_way_changes_nothing(diarizer: Diarizer, dialogue: Floats, found: Diarization) -> None:
    stream = diarizer.open()
    for start in range(0, len(dialogue), 64_000):
        listen(stream, dialogue[start : start + 64_000])
        asked = stream.so_far()
    assert [change.at_ms for change in asked.changes] == [change.at_ms for change in found.changes]
    assert [change.score for change in asked.changes] == pytest.approx([each.score for each in found.changes], abs=0.1)
    numbers = {one.speaker: other.speaker for one, other in zip(asked.turns, found.turns, strict=True)}
    assert tuple(replace(turn, speaker=numbers[turn.speaker]) for turn in asked.turns) == found.turns


def test_a_later_answer_keeps_the_numbers_and_tells_only_what_is_asked(diarizer: Diarizer, dialogue: Floats) -> None:
    stream = diarizer.open()
    listen(stream, dialogue[: 14 * 16_000])
    before = stream.so_far()
    listen(stream, dialogue[14 * 16_000 :])
    later = stream.so_far(since_ms=11_000)
    assert most(later.turns, 11_000, 14_000) == most(before.turns, 11_000, 14_000) == 0
    assert most(later.turns, 15_200, 19_000) == most(before.turns, 5_400, 9_400) == 1
    assert min(turn.start_ms for turn in later.turns) > 2_000


@pytest.mark.parametrize(("speakers", "found"), [(1, 1), (2, 2)])
def test_as_many_speakers_as_are_known_to_be_there(
    diarizer: Diarizer, dialogue: Floats, speakers: int, found: int
) -> None:
    answer = diarize(diarizer, dialogue, speakers)
    check(answer, dialogue)
    assert len({turn.speaker for turn in answer.turns}) == found


def test_fifty_speakers_are_not_found_where_two_are(diarizer: Diarizer, dialogue: Floats) -> None:
    answer = diarize(diarizer, dialogue, 50)
    check(answer, dialogue)
    assert 2 <= len({turn.speaker for turn in answer.turns}) < 12


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 12.0])
@pytest.mark.parametrize("loudness", [0.0, 0.05, 1.0])
def test_where_nobody_speaks_there_is_hardly_anybody(diarizer: Diarizer, seconds: float, loudness: float) -> None:
    noise = np.random.default_rng(1).normal(0, loudness, round(seconds * 16_000)).astype(np.float32).clip(-1, 1)
    for speakers in (0, 1, 50):
        found = diarize(diarizer, noise, speakers)
        check(found, noise)
        assert sum(turn.end_ms - turn.start_ms for turn in found.turns) <= 200


def test_one_word_has_one_speaker(diarizer: Diarizer, reader: Floats) -> None:
    word = np.concatenate([np.zeros(8_000, np.float32), reader[: 16_000 * 3 // 4], np.zeros(8_000, np.float32)])
    for speakers in (0, 1, 50):
        found = diarize(diarizer, word, speakers)
        check(found, word)
        assert {turn.speaker for turn in found.turns} == {0}


def test_a_stream_keeps_a_bounded_piece_of_the_audio(diarizer: Diarizer, reader: Floats) -> None:
    stream = diarizer.open()
    for _ in range(2):
        listen(stream, reader)
    assert stream.held_samples < 16_000 * 11
