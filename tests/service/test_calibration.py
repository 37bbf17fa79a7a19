"""Laws of how many live streams a worker says it can serve."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import Cancelled
from dragoman.core.ports import Hypothesis, Samples, Utterance
from dragoman.core.request import RecognitionRequest
from dragoman.engines.fake import AllSpeech, EvenAligner, FakeEngine
from dragoman.service.calibration import MOST_STREAMS, own_time, stream_capacity
from dragoman.service.recognise import Recogniser
from noise import QUIET, RATE

pytestmark = pytest.mark.unit


class Costly(FakeEngine):
    """Its finals and drafts take so long, on a clock of its own."""

    def __init__(self, final_s: float, draft_s: float) -> None:
        super().__init__()
        self.now = 50.0
        self.drafts = 0
        self._final_s, self._draft_s = final_s, draft_s

    def recognise(self, samples: Samples, request: RecognitionRequest, cancelled: Callable[[], bool]) -> Hypothesis:
        until = self.now + self._final_s
        while self.now < until:
            self.now = min(until, self.now + 0.1)
            if cancelled():
                raise Cancelled
        return super().recognise(samples, request, cancelled)

    def draft(self, batch: Sequence[tuple[Utterance, Samples]]) -> list[Hypothesis]:
        self.drafts += 1
        self.now += self._draft_s
        return super().draft(batch)

    def capacity(self, seconds: int = 3) -> int:
        recogniser = Recogniser(self, EvenAligner(), AllSpeech())
        sound = np.random.default_rng(1).uniform(-QUIET, QUIET, seconds * RATE)
        return stream_capacity(recogniser, (sound * 32767).astype("<i2").tobytes(), RATE, clock=lambda: self.now)


@settings(max_examples=40, deadline=None)
@given(final_s=st.floats(0, 0.9), draft_s=st.floats(0, 0.9))
def test_so_many_streams_are_served_in_less_than_all_of_the_time(final_s: float, draft_s: float) -> None:
    streams = Costly(final_s, draft_s).capacity()
    a_second_s = final_s / 3 + draft_s
    assert streams == 1 or streams * a_second_s < 0.8
    assert streams == MOST_STREAMS or (streams + 1) * a_second_s > 0.7


@settings(max_examples=20, deadline=None)
@given(final_s=st.floats(2, 1e6))
def test_what_is_far_too_slow_is_noticed_soon_and_not_asked_for_drafts(final_s: float) -> None:
    engine = Costly(final_s, 1e6)
    assert engine.capacity() == 1
    assert engine.now < 50 + 1.5
    assert engine.drafts == 0


def test_without_a_recording_one_stream_is_served() -> None:
    assert Costly(0.1, 0.1).capacity(seconds=0) == 1


def test_own_time_is_at_least_what_was_computed_and_at_most_what_has_passed() -> None:
    began, wall, computed = own_time(), time.monotonic(), time.thread_time()
    while time.thread_time() - computed < 0.05:
        pass
    passed, all_s = own_time() - began, time.monotonic() - wall
    assert 0.045 < passed < all_s + 0.005
