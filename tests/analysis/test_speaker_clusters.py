from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.analysis.fbank import Floats
from dragoman.analysis.speaker_clusters import Voices, clusters, no_voices, tree

pytestmark = pytest.mark.unit

DIMENSIONS = 32


def unit(vectors: np.ndarray) -> Floats:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def scattered(seed: int, count: int) -> Floats:
    return unit(np.random.default_rng(seed).normal(size=(count, 4)))


def heard(seed: int, people: list[int], noise: float = 0.1) -> tuple[Voices, Floats, np.ndarray]:
    """So many stretches of each person, in any order; the persons' voices; who each stretch is of."""
    draw = np.random.default_rng(seed)
    persons = np.eye(DIMENSIONS, dtype=np.float32)[: len(people)]
    who = draw.permutation(np.repeat(np.arange(len(people)), people))
    voices = unit(persons[who] + draw.normal(0, noise, (len(who), DIMENSIONS)))
    return no_voices(DIMENSIONS).plus(voices, np.full(len(who), 1.5, np.float32)), persons, who


def textbook(voices: Floats) -> list[float]:
    """The distances of average linkage, by looking at all pairs each time."""
    groups = [[at] for at in range(len(voices))]
    distance = 1 - voices @ voices.T
    found = []
    while len(groups) > 1:
        pairs = [(i, j) for i in range(len(groups)) for j in range(i)]
        values = [float(distance[np.ix_(groups[i], groups[j])].mean()) for i, j in pairs]
        nearest = int(np.argmin(values))
        i, j = pairs[nearest]
        found.append(values[nearest])
        groups[j] += groups.pop(i)
    return found


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_the_tree_is_that_of_average_linkage(seed: int, count: int) -> None:
    voices = scattered(seed, count)
    merges = tree(voices, np.ones(count, np.float32))
    assert [merge.distance for merge in merges] == pytest.approx(textbook(voices), abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.data())
def test_each_merge_is_one_cluster_less_numbered_as_they_appear(seed: int, count: int, data: st.DataObject) -> None:
    merges = tree(scattered(seed, count), np.ones(count, np.float32))
    made = data.draw(st.integers(0, len(merges)))
    labels = clusters(merges[:made], count)
    assert list(dict.fromkeys(labels.tolist())) == list(range(count - made))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(10, 60), min_size=1, max_size=5))
def test_different_voices_are_told_apart(seed: int, people: list[int]) -> None:
    voices, persons, _ = heard(seed, people)
    found = unit(voices.speakers().means)
    assert len(found) == len(people)
    assert sorted((found @ persons.T).argmax(1).tolist()) == list(range(len(people)))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 30), max_size=4), st.integers(0, 50))
def test_never_more_speakers_than_asked_for_and_somebody_if_anything_was_heard(
    seed: int, people: list[int], count: int
) -> None:
    voices, _, _ = heard(seed, people)
    found = unit(voices.speakers(count).means)
    assert (len(found) > 0) == (len(people) > 0)
    assert len(found) <= (count or len(people))
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(found)), abs=1e-3)


def test_fewer_speakers_than_there_are_are_found_when_asked_for() -> None:
    voices, _, _ = heard(1, [20, 20, 20, 20])
    assert [len(voices.speakers(count).means) for count in (1, 2, 3, 4, 0)] == [1, 2, 3, 4, 4]


def test_a_voice_heard_once_is_nobody_beside_those_heard_often() -> None:
    voices, _, _ = heard(2, [40, 40, 1])
    assert len(voices.speakers().means) == 2


def test_hours_of_voices_are_kept_in_bounded_room_and_still_told_apart() -> None:
    draw = np.random.default_rng(3)
    persons = np.eye(DIMENSIONS, dtype=np.float32)[:3]
    voices = no_voices(DIMENSIONS)
    most = 0
    for _ in range(40):
        who = draw.integers(0, 3, 100)
        noisy = unit(persons[who] + draw.normal(0, 0.1, (100, DIMENSIONS)))
        voices = voices.plus(noisy, np.ones(100, np.float32))
        most = max(most, len(voices.means))
    assert most <= 1024
    assert voices.stretches.sum() == 4_000
    assert voices.seconds.sum() == pytest.approx(4_000)
    assert sorted((voices.speakers().means @ persons.T).argmax(1).tolist()) == [0, 1, 2]
