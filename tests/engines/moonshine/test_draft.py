"""Drafts of speech that goes on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.request import Phrase
from dragoman.engines.guards import is_loop, spoken_words
from dragoman.engines.moonshine.biasing import Biasing
from dragoman.engines.moonshine.draft import DraftedUtterance, heard_again, said_again
from dragoman.engines.moonshine.model import MoonshineModel
from dragoman.engines.moonshine.network import DecoderState, Floats
from dragoman.engines.moonshine.tokenizer import Tokenizer

pytestmark = pytest.mark.model


class CountedModel(MoonshineModel):
    """Knows how often its decoder ran."""

    steps = 0

    def step(self, tokens: np.ndarray, state: DecoderState) -> Floats:
        self.steps += 1
        return super().step(tokens, state)


@pytest.fixture(scope="module")
def model(folder: Path) -> CountedModel:
    model = CountedModel(folder)
    model.load()
    return model


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return Tokenizer.read(folder / "tokenizer.bin")


@pytest.fixture(scope="module")
def speech(sample: Callable[[str], Path]) -> np.ndarray:
    with av.open(str(sample("two_cities"))) as container:
        resampler = av.AudioResampler("flt", "mono", 16_000)
        frames = [f.to_ndarray()[0] for frame in container.decode(audio=0) for f in resampler.resample(frame)]
    return np.concatenate(frames)[: 24 * 16_000].astype(np.float32)


def text(utterance: DraftedUtterance) -> str:
    return " ".join(word.text for word in utterance.words())


def test_what_is_known_is_checked_at_once_and_decoded_only_where_it_ends(
    model: CountedModel, tokenizer: Tokenizer, speech: np.ndarray
) -> None:
    known, fresh = (DraftedUtterance(model, tokenizer) for _ in range(2))
    known.redraft(speech[: 6 * 16_000])
    before = model.steps
    known.redraft(speech[: 7 * 16_000])
    between = model.steps
    fresh.redraft(speech[: 7 * 16_000])
    assert between - before < (model.steps - between) / 2
    assert spoken_words(text(known)) == spoken_words(text(fresh))


def test_a_draft_of_the_same_audio_again_is_the_same_draft(
    model: CountedModel, tokenizer: Tokenizer, speech: np.ndarray
) -> None:
    utterance = DraftedUtterance(model, tokenizer)
    audio = speech[: 5 * 16_000]
    utterance.redraft(audio)
    first = text(utterance)
    before = model.steps
    utterance.redraft(audio)
    assert text(utterance) == first
    assert model.steps == before + 1


def test_what_was_misheard_is_put_right_when_the_audio_says_otherwise(
    model: CountedModel, tokenizer: Tokenizer, speech: np.ndarray
) -> None:
    utterance = DraftedUtterance(model, tokenizer)
    utterance.redraft(speech[10 * 16_000 : 15 * 16_000])
    other = text(utterance)
    utterance.redraft(speech[: 5 * 16_000])
    assert text(utterance) != other
    assert "it was the best of times" in " ".join(spoken_words(text(utterance)))


def test_noise_does_not_make_drafts_loop(model: CountedModel, tokenizer: Tokenizer) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 9 * 16_000).astype(np.float32)
    utterance = DraftedUtterance(model, tokenizer)
    for length in range(16_000, len(noise) + 1, 16_000):
        utterance.redraft(noise[:length])
        assert not is_loop(text(utterance))
        assert len(utterance.words()) <= 6.5 * max(1.5, length / 16_000)


def test_a_preferred_phrase_is_heard_in_drafts(model: CountedModel, tokenizer: Tokenizer, speech: np.ndarray) -> None:
    def heard(*phrases: str) -> str:
        biasing = Biasing([Phrase(text) for text in phrases], tokenizer, lambda name: ())
        utterance = DraftedUtterance(model, tokenizer, biasing)
        for seconds in (21, 23):
            utterance.redraft(speech[18 * 16_000 : seconds * 16_000])
        return text(utterance).lower()

    assert heard().startswith("string of hope"), "the model has learnt; find another word that it mishears"
    assert heard("spring").startswith("spring of hope")


def test_nothing_grows_onto_a_settled_word(model: CountedModel, tokenizer: Tokenizer, speech: np.ndarray) -> None:
    """Wherever the audio is cut, in the middle of words too."""
    for cut in range(16_000, 48_000, 4_000):
        utterance = DraftedUtterance(model, tokenizer)
        utterance.redraft(speech[:cut])
        settled = text(utterance).split()
        utterance.settle(len(settled))
        utterance.redraft(speech[: cut + 16_000])
        assert text(utterance).split()[: len(settled)] == settled


SOME = st.lists(st.integers(0, 5), max_size=5, unique=True)
OTHERS = st.lists(st.integers(6, 20), min_size=1, max_size=10, unique=True)


@given(SOME, OTHERS)
def test_of_a_circle_one_round_stays_or_three_tokens(before: list[int], around: list[int]) -> None:
    tokens = list(before)
    following = itertools.cycle(around)
    while not (again := said_again(tokens)):
        tokens.append(next(following))
    assert len(before) < len(tokens) - again <= len(before) + max(3, len(around))


@given(st.lists(st.integers(0, 50), max_size=20, unique=True))
def test_what_is_said_twice_is_no_circle(tokens: list[int]) -> None:
    assert said_again(tokens + tokens) == 0


FRESH = st.lists(st.integers(0, 99).map(lambda number: f"w{number:02}"), min_size=1, max_size=10, unique=True)


@given(FRESH, FRESH, st.integers(1, 3))
def test_what_repeats_the_words_before_it_is_heard_again_even_if_cut_off(
    before: list[str], said: list[str], letters: int
) -> None:
    once = [f"before {word}" for word in before] + said
    again = [*said[:-1], said[-1][:letters]]
    assert heard_again(once) == 0
    assert heard_again(once + again) == len(again)


@given(FRESH, FRESH)
def test_what_was_said_twice_stays_once_other_words_follow(said: list[str], rest: list[str]) -> None:
    assert heard_again([*said, *said, *(f"after {word}" for word in rest)]) == 0


def test_no_mark_stands_upon_another(model: CountedModel, tokenizer: Tokenizer, speech: np.ndarray) -> None:
    utterance = DraftedUtterance(model, tokenizer)
    marks = re.compile(r"[,.;:!?]{2}")
    for cut in range(8_000, 12 * 16_000, 8_000):
        utterance.redraft(speech[:cut])
        assert not marks.search(text(utterance)), text(utterance)
