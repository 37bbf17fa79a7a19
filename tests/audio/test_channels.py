from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.audio.channels import ChannelMap
from dragoman.core.errors import InvalidField, UnsupportedAudio
from dragoman.core.request import ChannelMode, ChannelSelection

pytestmark = pytest.mark.unit


def recording(channels: int, samples: int = 50) -> np.ndarray:
    return np.random.default_rng(channels).uniform(-1, 1, (samples, channels)).astype(np.float32)


@given(st.integers(1, 32))
def test_a_mix_is_one_channel_that_is_the_mean_of_all(channels: int) -> None:
    samples = recording(channels)
    mix = ChannelMap(ChannelSelection(ChannelMode.MIX), channels)
    assert mix.channels == (0,)
    np.testing.assert_allclose(mix.apply(samples), samples.mean(axis=1, keepdims=True), atol=1e-6)


@given(st.integers(1, 32))
def test_a_split_leaves_every_channel_as_it_is(channels: int) -> None:
    samples = recording(channels)
    split = ChannelMap(ChannelSelection(ChannelMode.SPLIT), channels)
    assert split.channels == tuple(range(channels))
    np.testing.assert_array_equal(split.apply(samples), samples)


@given(st.lists(st.integers(0, 7), min_size=1, unique=True))
def test_chosen_channels_come_in_the_order_they_were_asked_for(chosen: list[int]) -> None:
    samples = recording(8)
    subset = ChannelMap(ChannelSelection(ChannelMode.SPLIT, tuple(chosen)), 8)
    assert subset.channels == tuple(chosen)
    np.testing.assert_array_equal(subset.apply(samples), samples[:, chosen])


@given(st.lists(st.integers(0, 7), min_size=1, unique=True))
def test_a_mix_of_chosen_channels_leaves_the_others_out(chosen: list[int]) -> None:
    samples = recording(8)
    mix = ChannelMap(ChannelSelection(ChannelMode.MIX, tuple(chosen)), 8)
    assert mix.channels == (0,)
    np.testing.assert_allclose(mix.apply(samples)[:, 0], samples[:, chosen].mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("mode", ChannelMode)
def test_a_channel_that_does_not_exist_is_named_and_refused(mode: ChannelMode) -> None:
    with pytest.raises(InvalidField, match=r"2 channels, numbered 0 to 1; there is no channel 2, 7") as caught:
        ChannelMap(ChannelSelection(mode, (7, 0, 2)), 2)
    assert caught.value.field == "channels"


@given(st.integers(1, 8), st.integers(1, 8))
def test_a_recording_has_as_many_channels_as_it_has_to_have(available: int, count: int) -> None:
    selection = ChannelSelection(ChannelMode.SPLIT, count=count)
    if available == count:
        assert ChannelMap(selection, available).channels == tuple(range(count))
    else:
        with pytest.raises(UnsupportedAudio, match=rf"to have {count}$"):
            ChannelMap(selection, available)


def test_one_channel_stands_for_all_when_a_recording_turns_mono() -> None:
    samples = recording(1)
    split = ChannelMap(ChannelSelection(ChannelMode.SPLIT), 3)
    np.testing.assert_array_equal(split.apply(samples), np.repeat(samples, 3, axis=1))
    mix = ChannelMap(ChannelSelection(ChannelMode.MIX), 3)
    np.testing.assert_allclose(mix.apply(samples), samples, atol=1e-6)


def test_channels_that_go_are_silent_and_channels_that_come_are_left_out() -> None:
    split = ChannelMap(ChannelSelection(ChannelMode.SPLIT), 3)
    two, four = recording(2), recording(4)
    np.testing.assert_array_equal(split.apply(two)[:, :2], two)
    assert not split.apply(two)[:, 2].any()
    np.testing.assert_array_equal(split.apply(four), four[:, :3])
