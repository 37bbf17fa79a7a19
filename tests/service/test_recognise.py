"""Laws of recognisers that serve several languages together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import EngineNotReady
from dragoman.engines.fake import AllSpeech, EvenAligner, FakeEngine, LoudnessIdentifier, Script
from dragoman.service.recognise import Recogniser

pytestmark = pytest.mark.unit

languages = st.lists(st.sampled_from(["en", "de", "fr", "cs", "da"]), min_size=1, unique=True)


def recogniser(known: Sequence[str], *, identifies: bool = False) -> Recogniser:
    identifier = LoudnessIdentifier(tuple(known)) if identifies else None
    return Recogniser(FakeEngine(Script(languages=tuple(known))), EvenAligner(), AllSpeech(), identifier=identifier)


@given(languages, languages)
def test_its_own_languages_stay_its_own_and_all_others_are_the_other_ones(own: list[str], more: list[str]) -> None:
    first, other = recogniser(own), recogniser(more)
    both = first.beside({"other": other})
    assert both.capabilities.languages[: len(own)] == tuple(own)
    assert sorted(both.capabilities.languages) == sorted({*own, *more})
    for language in both.capabilities.languages:
        assert both.in_language(language).engine is (first if language in own else other).engine
    assert both.in_language(None).engine is first.engine
    assert both.in_language("xx").engine is first.engine


@given(languages, languages)
def test_each_language_has_the_capabilities_of_its_model(own: list[str], more: list[str]) -> None:
    capabilities = recogniser(own).beside({"other": recogniser(more)}).capabilities
    said = [language for model in capabilities.models for language in model.languages]
    assert said == list(capabilities.languages)
    for language in said:
        assert language in capabilities.in_language(language).languages
    assert capabilities.in_language(None).languages == tuple(own)


@given(st.lists(languages, min_size=2, max_size=3))
def test_a_language_that_two_others_claim_is_an_error_that_names_both(claims: list[list[str]]) -> None:
    others = {f"profile-{number}": recogniser(known) for number, known in enumerate(claims)}
    claimed = [language for known in claims for language in known if language != "en"]
    if len(claimed) == len(set(claimed)):
        assert recogniser(["en"]).beside(others).capabilities.languages == ("en", *claimed)
        return
    with pytest.raises(EngineNotReady, match=r"profile-\d and profile-\d.*`languages`"):
        recogniser(["en"]).beside(others)


@given(languages, languages)
def test_limited_it_claims_no_other_language(known: list[str], wanted: list[str]) -> None:
    if set(wanted) <= set(known):
        assert set(recogniser(known).limited_to(wanted).capabilities.languages) == set(wanted)
        return
    with pytest.raises(EngineNotReady, match="does not know"):
        recogniser(known).limited_to(wanted)


def test_languages_are_identified_by_the_first_that_can() -> None:
    other = recogniser(["de", "fr"], identifies=True)
    assert recogniser(["en"]).beside({"other": other}).capabilities.identifies == ("de", "fr")
