"""What everyone holds to who tells voices apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dragoman.analysis.diarize import Diarizer as VoiceDiarizer
from dragoman.core.ports import SAMPLE_RATE, Diarizer, DiarizerStream
from dragoman.core.speakers import Diarization
from dragoman.engines.fake import LoudnessDiarizer
from noise import LOUD, QUIET, SILENT
from recordings import speech

pytestmark = pytest.mark.contract

PARTS = ((SILENT, 1.0), (QUIET, 4.0), (LOUD, 3.0), (SILENT, 0.5), (QUIET, 3.55))
Floats = npt.NDArray[np.float32]
Sample = Callable[[str], Path]


def loudness(sample: Sample) -> Floats:
    """Two who are told apart by how loud they are."""
    rng = np.random.default_rng(2)
    parts = [rng.uniform(-peak, peak, round(length * SAMPLE_RATE)) for peak, length in PARTS]
    return np.concatenate(parts).astype(np.float32)


def voices(sample: Sample) -> Floats:
    """Of two recordings."""
    one, other = (speech(sample(name), SAMPLE_RATE, 6.025) for name in ("two_cities", "beckett"))
    return np.concatenate([one, other]).astype(np.float32)


DIARIZERS: dict[str, tuple[Callable[[], Diarizer], Callable[[Sample], Floats]]] = {
    "fake": (LoudnessDiarizer, loudness),
    "community-1": (VoiceDiarizer, voices),
}


@pytest.fixture(scope="module", params=DIARIZERS)
def case(request: pytest.FixtureRequest, sample: Sample) -> tuple[Diarizer, Floats]:
    made, sound = DIARIZERS[request.param]
    diarizer = made()
    diarizer.load()
    return diarizer, sound(sample)


@pytest.fixture
def diarizer(case: tuple[Diarizer, Floats]) -> Diarizer:
    return case[0]


@pytest.fixture
def sound(case: tuple[Diarizer, Floats]) -> Floats:
    """Twelve seconds of two people."""
    return case[1]


TO_THE_END = 10**9


def listen(stream: DiarizerStream, samples: Floats, piece: int = SAMPLE_RATE, to_ms: int = TO_THE_END) -> None:
    """Hear the samples as far as is due, and after the last to ``to_ms``."""
    for start in range(0, len(samples), piece):
        stream.feed(samples[start : start + piece].data)
        while stream.hear():
            pass
    while stream.hear(to_ms):
        pass


def heard(diarizer: Diarizer, samples: Floats, piece: int = SAMPLE_RATE) -> DiarizerStream:
    stream = diarizer.open()
    listen(stream, samples, piece)
    return stream


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 5.0, 12.05])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_turns_are_in_order_inside_the_recording_and_numbered_as_they_begin(
    diarizer: Diarizer, sound: Floats, seconds: float, count: int
) -> None:
    turns = heard(diarizer, sound[: round(seconds * SAMPLE_RATE)]).so_far(count).turns
    assert list(turns) == sorted(turns, key=lambda turn: turn.start_ms)
    assert all(0 <= turn.start_ms < turn.end_ms <= seconds * 1000 for turn in turns)
    first = list(dict.fromkeys(turn.speaker for turn in turns))
    assert first == list(range(len(first)))
    assert len(first) <= (count or len(first))


def test_turns_of_one_person_do_not_overlap(diarizer: Diarizer, sound: Floats) -> None:
    turns = heard(diarizer, sound).so_far().turns
    for speaker in {turn.speaker for turn in turns}:
        own = [turn for turn in turns if turn.speaker == speaker]
        assert all(one.end_ms <= other.start_ms for one, other in pairwise(own))


def test_in_the_foreground_is_one_at_a_time_and_whoever_is_alone(diarizer: Diarizer, sound: Floats) -> None:
    found = heard(diarizer, sound).so_far()
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(found.foreground))
    for turn in found.foreground:
        assert any(other.start_ms < turn.end_ms and turn.start_ms < other.end_ms for other in found.turns)
    for turn in found.turns:
        others = [other for other in found.turns if other.speaker != turn.speaker]
        if all(other.end_ms <= turn.start_ms or turn.end_ms <= other.start_ms for other in others):
            speakers = {t.speaker for t in found.foreground if t.start_ms < turn.end_ms and turn.start_ms < t.end_ms}
            assert speakers == {turn.speaker}


def test_how_the_samples_are_cut_makes_no_difference(diarizer: Diarizer, sound: Floats) -> None:
    whole = heard(diarizer, sound, 10**9)
    for piece in (SAMPLE_RATE, 777):
        cut = heard(diarizer, sound, piece)
        assert cut.so_far() == whole.so_far()


def test_recordings_at_the_same_time_do_not_disturb_each_other(diarizer: Diarizer, sound: Floats) -> None:
    samples, other = sound, sound[::-1].copy()
    one, two = diarizer.open(), diarizer.open()
    for start in range(0, len(samples), SAMPLE_RATE):
        one.feed(samples[start : start + SAMPLE_RATE].data)
        two.feed(other[start : start + SAMPLE_RATE].data)
        one.hear()
        two.hear()
    for stream in (one, two):
        listen(stream, samples[:0])
    assert one.so_far().turns == heard(diarizer, samples).so_far().turns
    assert two.so_far().turns == heard(diarizer, other).so_far().turns


def test_two_are_told_apart(diarizer: Diarizer, sound: Floats) -> None:
    assert {turn.speaker for turn in heard(diarizer, sound).so_far(2).turns} == {0, 1}
    assert {turn.speaker for turn in heard(diarizer, sound).so_far(1).turns} == {0}


def test_nobody_speaks_in_silence(diarizer: Diarizer) -> None:
    stream = heard(diarizer, np.zeros(12 * SAMPLE_RATE, np.float32))
    assert stream.so_far(2) == Diarization()


def test_changes_are_in_order_inside_the_recording_and_have_a_score(diarizer: Diarizer, sound: Floats) -> None:
    changes = heard(diarizer, sound).so_far().changes
    assert [change.at_ms for change in changes] == sorted({change.at_ms for change in changes})
    assert all(0 < change.at_ms < 12_050 and 0 <= change.score <= 1 for change in changes)


def test_an_answer_can_be_had_at_any_time_and_numbers_are_kept(diarizer: Diarizer, sound: Floats) -> None:
    stream = diarizer.open()
    asked_often = diarizer.open()
    for start in range(0, len(sound), 2 * SAMPLE_RATE):
        piece = sound[start : start + 2 * SAMPLE_RATE]
        listen(stream, piece, to_ms=0)
        listen(asked_often, piece)
        asked_often.so_far()
    listen(stream, sound[:0])
    times = [[(turn.start_ms, turn.end_ms) for turn in each.so_far().turns] for each in (asked_often, stream)]
    assert times[0] == times[1]
    later, whole = stream.so_far(since_ms=6_000).turns, stream.so_far().turns
    assert {turn.end_ms for turn in whole if turn.end_ms > 6_000} <= {turn.end_ms for turn in later}


def test_an_answer_can_be_had_before_all_is_heard(diarizer: Diarizer, sound: Floats) -> None:
    stream = diarizer.open()
    stream.feed(sound.data)
    ends = []
    while True:
        turns = stream.so_far().turns
        ends.append(max((turn.end_ms for turn in turns), default=0))
        if not stream.hear(12_000):
            break
    assert ends[0] == 0
    assert max(ends[:-1]) <= ends[-1] <= 12_050
    assert len(set(ends)) > 2


def test_what_is_forgotten_changes_nothing_of_what_comes_later(diarizer: Diarizer, sound: Floats) -> None:
    stream, forgetful = heard(diarizer, sound), heard(diarizer, sound)
    stream.so_far()
    forgetful.so_far()
    forgetful.forget(8_000)
    later = [turn for turn in stream.so_far().turns if turn.start_ms > 8_000]
    assert [turn for turn in forgetful.so_far(since_ms=8_000).turns if turn.start_ms > 8_000] == later


def test_who_was_remembered_keeps_the_number(diarizer: Diarizer, sound: Floats) -> None:
    """The second speaker is the first to speak in the stream that goes on."""
    stream = heard(diarizer, sound)
    second = max(stream.so_far(2).turns, key=lambda turn: (turn.speaker, turn.end_ms - turn.start_ms))
    assert second.speaker == 1
    other = diarizer.open(stream.remembered())
    listen(other, sound[second.start_ms * 16 : second.end_ms * 16])
    assert {turn.speaker for turn in other.so_far(2).turns} == {1}
    assert len(other.remembered()) < 5_000
