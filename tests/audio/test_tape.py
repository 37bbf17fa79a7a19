from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.audio.tape import Tape

pytestmark = pytest.mark.unit


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 80)), max_size=20), st.data())
def test_what_is_not_forgotten_is_there_and_what_is_forgotten_is_gone(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    recorded = np.random.default_rng(0).integers(-(2**15), 2**15, 1_000, np.int16)
    tape = Tape()
    forgotten = 0
    for length, kept in steps:
        tape.append(recorded[tape.end : tape.end + length])
        forgotten = max(forgotten, tape.end - kept)
        tape.forget(forgotten)
        start = data.draw(st.integers(forgotten, tape.end))
        stop = data.draw(st.integers(start, tape.end))
        np.testing.assert_array_equal(tape.between(start, stop) * 2**15, recorded[start:stop])
        assert tape.held == tape.end - forgotten
