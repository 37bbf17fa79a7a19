"""What everyone holds to who tells voices apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from dragoman.core.ports import SAMPLE_RATE, Diarizer, DiarizerStream
from dragoman.engines.fake import LoudnessDiarizer
from noise import LOUD, QUIET, SILENT

pytestmark = pytest.mark.contract

DIARIZERS: dict[str, Callable[[], Diarizer]] = {"fake": LoudnessDiarizer}
PARTS = ((SILENT, 1.0), (QUIET, 4.0), (LOUD, 3.0), (SILENT, 0.5), (QUIET, 3.55))


@pytest.fixture(scope="module", params=DIARIZERS)
def diarizer(request: pytest.FixtureRequest) -> Diarizer:
    diarizer = DIARIZERS[request.param]()
    diarizer.load()
    return diarizer


def sound(seconds: float = 12.05) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(2)
    parts = [rng.uniform(-peak, peak, round(length * SAMPLE_RATE)) for peak, length in PARTS]
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)].astype(np.float32)


def heard(diarizer: Diarizer, samples: npt.NDArray[np.float32], piece: int = SAMPLE_RATE) -> DiarizerStream:
    stream = diarizer.open()
    for start in range(0, len(samples), piece):
        stream.feed(samples[start : start + piece].data)
    return stream


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 5.0, 12.05])
@pytest.mark.parametrize("count", [None, 1, 2, 20])
def test_turns_are_in_order_inside_the_recording_and_numbered_as_they_begin(
    diarizer: Diarizer, seconds: float, count: int | None
) -> None:
    turns = heard(diarizer, sound(seconds)).turns(count)
    assert list(turns) == sorted(turns, key=lambda turn: turn.start_ms)
    assert all(0 <= turn.start_ms < turn.end_ms <= seconds * 1000 for turn in turns)
    first = list(dict.fromkeys(turn.speaker for turn in turns))
    assert first == list(range(len(first)))
    assert len(first) <= (count or len(first))


def test_turns_of_one_person_do_not_overlap(diarizer: Diarizer) -> None:
    turns = heard(diarizer, sound()).turns(None)
    for speaker in {turn.speaker for turn in turns}:
        own = [turn for turn in turns if turn.speaker == speaker]
        assert all(one.end_ms <= other.start_ms for one, other in pairwise(own))


def test_how_the_samples_are_cut_makes_no_difference(diarizer: Diarizer) -> None:
    whole = heard(diarizer, sound(), 10**9)
    for piece in (SAMPLE_RATE, 777):
        cut = heard(diarizer, sound(), piece)
        assert cut.turns(None) == whole.turns(None)
        assert cut.changes(0.4) == whole.changes(0.4)


def test_recordings_at_the_same_time_do_not_disturb_each_other(diarizer: Diarizer) -> None:
    samples, other = sound(), sound()[::-1].copy()
    one, two = diarizer.open(), diarizer.open()
    for start in range(0, len(samples), SAMPLE_RATE):
        one.feed(samples[start : start + SAMPLE_RATE].data)
        two.feed(other[start : start + SAMPLE_RATE].data)
    assert one.turns(None) == heard(diarizer, samples).turns(None)
    assert two.turns(None) == heard(diarizer, other).turns(None)


def test_nobody_speaks_in_silence(diarizer: Diarizer) -> None:
    stream = heard(diarizer, np.zeros(12 * SAMPLE_RATE, np.float32))
    assert stream.turns(2) == ()
    assert stream.changes(1.0) == ()


def test_the_more_sensitive_the_more_changes(diarizer: Diarizer) -> None:
    stream = heard(diarizer, sound())
    found = [stream.changes(sensitivity / 10) for sensitivity in range(11)]
    assert all(list(changes) == sorted(set(changes)) for changes in found)
    assert all(0 < at_ms < 12_050 for changes in found for at_ms in changes)
    assert all(len(one) <= len(other) for one, other in pairwise(found))
