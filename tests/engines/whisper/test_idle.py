"""A model without work gives its memory back."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tiny_whisper import tiny_network

pytestmark = pytest.mark.realtime


def test_after_idle_time_the_memory_is_given_back_and_not_before() -> None:
    network = tiny_network(idle_s=0.3)
    network.load()
    until = time.monotonic() + 0.6
    while time.monotonic() < until:
        network.run(lambda go_on: network.encode(np.ones(16_000, np.float32)))
        assert network.is_loaded
    until = time.monotonic() + 20
    while network.is_loaded and time.monotonic() < until:
        time.sleep(0.05)
    assert not network.is_loaded
