"""The search against an exhaustive one, over real speech."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.analysis.acoustic_model import BEGIN, END, INTERNAL, SINGLE, AcousticModel
from dragoman.analysis.features import Floats, features
from dragoman.analysis.trellis import SILENCE_COST, Arc, best_path
from dragoman.language.phonemes import PHONEMES, Pronunciation
from recordings import speech

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    model = AcousticModel()
    model.load()
    return model


@pytest.fixture(scope="module")
def voice(sample: Callable[[str], Path]) -> Floats:
    """ "It was the best of times" """
    return features(speech(sample("two_cities"), 16_000, 2.2))


def chain_score(model: AcousticModel, streams: Floats, words: Sequence[Pronunciation | None]) -> float:
    """The likelihood of words one after the other, ``None`` for silence, by the plainest dynamic programming."""
    phones, senones, entry = [], [], []
    for at, word in enumerate(words):
        if word is None:
            phones.append(model.silence)
            senones.append(model.senones(model.silence, model.silence, model.silence, SINGLE))
            entry.append(-SILENCE_COST)
            continue
        before = words[at - 1] if at else None
        after = words[at + 1] if at + 1 < len(words) else None
        spelt = [model.phone(name) for name in word]
        left = model.phone(before[-1]) if before else model.silence
        right = model.phone(after[0]) if after else model.silence
        around = [left, *spelt, right]
        for i, phone in enumerate(spelt):
            inside = INTERNAL if i < len(spelt) - 1 else END
            where = SINGLE if len(spelt) == 1 else inside if i else BEGIN
            phones.append(phone)
            senones.append(model.senones(phone, around[i], around[i + 2], where))
            entry.append(0.0)
    observed = model.log_likelihoods(streams, np.array(senones).ravel())
    stay = model.stay[phones].ravel()
    leave = model.leave[phones].ravel()
    cost = np.zeros(len(stay))
    cost[::3] = entry
    score = np.full(len(stay), -np.inf)
    score[0] = entry[0] + observed[0, 0]
    for frame in range(1, streams.shape[1]):
        moved = np.concatenate([[-np.inf], score[:-1] + leave[:-1] + cost[1:]])
        score = np.maximum(score + stay, moved) + observed[:, frame]
    return float(score[-1])


def with_silences(words: Sequence[Pronunciation]) -> list[list[Pronunciation | None]]:
    chains: list[list[Pronunciation | None]] = [[], [None]]
    for word in words:
        chains = [[*chain, word, *silence] for chain in chains for silence in ([], [None])]
    return chains


pronunciations = st.lists(st.sampled_from(PHONEMES), min_size=1, max_size=4).map(tuple)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(pronunciations, min_size=1, max_size=3), min_size=1, max_size=2), st.integers(30, 80))
def test_no_other_path_is_likelier(
    model: AcousticModel, voice: Floats, words: list[list[Pronunciation]], frames: int
) -> None:
    streams = voice[:, 60 : 60 + frames]
    arcs = [Arc(at, at + 1, phones) for at, variants in enumerate(words) for phones in variants]
    choices: list[list[Pronunciation]] = [[]]
    for variants in words:
        choices = [[*chosen, variant] for chosen in choices for variant in variants]
    expected = max(chain_score(model, streams, chain) for chosen in choices for chain in with_silences(chosen))
    path = best_path(model, streams, arcs)
    assert path is not None
    assert path.log_likelihood == pytest.approx(expected, abs=0.5, rel=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(pronunciations, min_size=1, max_size=3), min_size=1, max_size=6), st.integers(1, 150))
def test_a_path_says_one_way_of_every_word_in_order(
    model: AcousticModel, voice: Floats, words: list[list[Pronunciation]], frames: int
) -> None:
    arcs = [Arc(at, at + 1, phones) for at, variants in enumerate(words) for phones in variants]
    path = best_path(model, voice[:, :frames], arcs)
    needed = 3 * sum(min(map(len, variants)) for variants in words)
    assert (path is None) == (needed > frames)
    if path is None:
        return
    chosen = list(dict.fromkeys(span.arc for span in path.spans))
    assert [arcs[arc].start for arc in chosen] == list(range(len(words)))
    assert [(span.arc, span.index) for span in path.spans] == [
        (arc, index) for arc in chosen for index in range(len(arcs[arc].phones))
    ]
    after = 0
    for span in path.spans:
        assert after <= span.start <= span.end - 3
        after = span.end
    assert after <= frames


def test_a_longer_way_round_competes_with_a_shorter_one(model: AcousticModel, voice: Floats) -> None:
    """What is said wins, whether it has more words than its rival or fewer."""
    spelt, sounded = (("AY",), ("T", "IY")), ("IH", "T")
    said = [("W", "AA", "Z"), ("DH", "AH"), ("B", "EH", "S", "T"), ("AH", "V"), ("T", "AY", "M", "Z")]
    rest = [Arc(at, at + 1, phones) for at, phones in enumerate(said, start=2)]
    path = best_path(model, voice, [Arc(0, 1, spelt[0]), Arc(1, 2, spelt[1]), Arc(0, 2, sounded), *rest])
    assert path is not None
    assert {span.arc for span in path.spans} == {2, 3, 4, 5, 6, 7}


def test_the_words_that_were_said_are_likelier_than_others(model: AcousticModel, voice: Floats) -> None:
    def likelihood(*words: str) -> float:
        path = best_path(model, voice, [Arc(at, at + 1, tuple(word.split())) for at, word in enumerate(words)])
        assert path is not None
        return path.log_likelihood

    said = ("IH T", "W AA Z", "DH AH", "B EH S T", "AH V", "T AY M Z")
    assert likelihood(*said) > likelihood("IH T", "W AA Z", "DH AH", "W ER S T", "AH V", "T AY M Z") + 20
    assert likelihood(*said) > likelihood(*reversed(said)) + 20
