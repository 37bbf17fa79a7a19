"""Phonexia Speech Platform 4: laws of ``config``."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dragoman.apis.phonexia_4 import vocabulary
from dragoman.apis.phonexia_4.errors import Invalid
from dragoman.apis.phonexia_4.wire import AdditionalWord, Detail
from dragoman.core.errors import InvalidField
from dragoman.core.request import Phrase
from dragoman.language.classes import WordClasses
from dragoman.language.dictionary import Entry, Pronouncer
from dragoman.language.g2p import G2P
from dragoman.language.lexicon import Lexicon
from dragoman.service.vocabulary import CheckedVocabulary, Draft, Vocabularies, VocabularyLimits

pytestmark = pytest.mark.unit

CLASSES = WordClasses()
VOCABULARIES = Vocabularies(Pronouncer(Lexicon(), G2P(), CLASSES), CLASSES, VocabularyLimits())

jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
texts = st.text(alphabet=st.characters(codec="utf-8")) | jsons
words = st.fixed_dictionaries(
    {}, optional={"spelling": texts, "pronunciations": jsons | st.lists(texts), "more": jsons}
)
configs = st.fixed_dictionaries(
    {}, optional={"preferred_phrases": jsons | st.lists(texts), "additional_words": jsons | st.lists(words | jsons)}
)


def places(invalid: Invalid) -> list[tuple[str | int, ...]]:
    return [detail.location for detail in invalid.details]


@given(st.text() | jsons.map(json.dumps) | configs.map(json.dumps))
@example("[" * 100_000)
@example('{"preferred_phrases":["\\ud800"]}')
@example("\ufeff{}")
@example("1e999")
@example("{")
def test_any_config_is_read_or_refused(config: str) -> None:
    with suppress(InvalidField, Invalid):
        vocabulary.read(config)


def read(config: dict[str, Any]) -> tuple[Draft, tuple[Detail, ...]]:
    """The draft, or an empty one and what is wrong."""
    try:
        return vocabulary.read(json.dumps(config)), ()
    except Invalid as invalid:
        return Draft(), invalid.details


def wanted(place: tuple[str | int, ...]) -> type:
    match place:
        case ("additional_words", int()):
            return dict
        case ("preferred_phrases" | "additional_words",) | (_, _, "pronunciations"):
            return list
        case _:
            return str


@given(configs)
def test_what_is_refused_is_of_the_wrong_type_missing_or_empty_at_its_place(config: dict[str, Any]) -> None:
    draft, details = read(config)
    for detail in details:
        place = detail.location[2:]
        value: Any = config
        for part in place[:-1]:
            value = value[part]
        if detail.type == "value.missing":
            assert place[-1] not in value
            continue
        value = value[place[-1]]
        assert isinstance(value, wanted(place)) is (detail.type != "value.type")
        if detail.type == "EMPTY_FIELD":
            assert not value.strip()
        elif detail.type == "UNSUPPORTED_GRAPHEME":
            assert len(value.split()) > 1
    if not details:
        assert [phrase.text for phrase in draft.phrases] == config.get("preferred_phrases", [])
        assert [(word.spelling, list(word.pronunciations)) for word in draft.words] == [
            (word["spelling"], word.get("pronunciations", [])) for word in config.get("additional_words", [])
        ]


@pytest.mark.parametrize("config", ["[]", "1", "null", '"text"'])
def test_a_config_is_an_object(config: str) -> None:
    with pytest.raises(Invalid) as caught:
        vocabulary.read(config)
    assert places(caught.value) == [("body", "config")]


def test_keys_that_are_not_known_mean_nothing() -> None:
    word = {"spelling": "Disentu", "sounds_like": ["x"]}
    assert vocabulary.read(json.dumps({"Preferred_Phrases": 1, "additional_words": [word]})) == Draft(
        words=(Entry("Disentu"),)
    )


def test_not_more_is_told_than_a_person_reads() -> None:
    with pytest.raises(Invalid) as caught:
        vocabulary.read(json.dumps({"preferred_phrases": [1] * 5_000}))
    assert 1 < len(caught.value.details) < 1_000


def test_what_is_too_much_is_told_with_its_place() -> None:
    limits = VocabularyLimits(max_phrases=2, max_words=1, max_pronunciations=1, max_characters=5)
    fit = Draft((Phrase("a"), Phrase("bbbbb")), (Entry("c", ("d",)),))
    assert list(vocabulary.excesses(limits, fit)) == []
    much = Draft((Phrase("a"), Phrase("b"), Phrase("cccccc")), (Entry("d", ("e", "f")), Entry("gggggg")))
    found = {detail.location[2:] for detail in vocabulary.excesses(limits, much)}
    assert found == {
        ("preferred_phrases",),
        ("preferred_phrases", 2),
        ("additional_words",),
        ("additional_words", 0),
        ("additional_words", 1),
    }


def check(draft: Draft) -> CheckedVocabulary:
    return asyncio.run(VOCABULARIES.check(draft))


@pytest.mark.parametrize(
    ("config", "kind", "place"),
    [
        ({"additional_words": [{"spelling": "ж"}]}, "UNSUPPORTED_GRAPHEME", ["additional_words", 0, "spelling"]),
        (
            {"additional_words": [{"spelling": "ok", "pronunciations": []}, {"spelling": "caféж"}]},
            "UNSUPPORTED_GRAPHEME",
            ["additional_words", 1, "spelling"],
        ),
        ({"additional_words": [{"spelling": "\u00ad"}]}, "EMPTY_FIELD", ["additional_words", 0, "spelling"]),
        ({"additional_words": [{"spelling": "a\u0007b"}]}, "UNSUPPORTED_GRAPHEME", ["additional_words", 0, "spelling"]),
        (
            {"additional_words": [{"spelling": "zzyx", "pronunciations": ["z i: k", "z ? k"]}]},
            "UNSUPPORTED_PHONEME",
            ["additional_words", 0, "pronunciations", 1],
        ),
        (
            {"additional_words": [{"spelling": "zzyx", "pronunciations": ["z i:"]}]},
            "PRONUNCIATION_TOO_SHORT",
            ["additional_words", 0, "pronunciations", 0],
        ),
        ({"preferred_phrases": ["good", "..."]}, "EMPTY_FIELD", ["preferred_phrases", 1]),
        ({"preferred_phrases": ["привет"]}, "UNSUPPORTED_GRAPHEME", ["preferred_phrases", 0]),
        ({"preferred_phrases": ["call $nick_name"]}, "UNSUPPORTED_GRAPHEME", ["preferred_phrases", 0]),
    ],
)
def test_what_cannot_be_used_is_told_with_its_kind_and_place(
    config: dict[str, Any], kind: str, place: list[str | int]
) -> None:
    draft = vocabulary.read(json.dumps(config))
    (detail,) = vocabulary.problems(draft, check(draft))
    assert detail.type == kind
    assert detail.location == ("body", "config", *place)
    assert detail.message


def test_a_bad_pronunciation_is_told_wherever_the_word_has_it() -> None:
    draft = Draft(words=(Entry("Zzyx", ("?",)), Entry("zzyx"), Entry("Zzyx", ("z i: k", "?"))))
    found = [detail.location[3:] for detail in vocabulary.problems(draft, check(draft))]
    assert found == [(0, "pronunciations", 0), (2, "pronunciations", 1)]


entries = st.lists(
    st.builds(
        Entry,
        st.sampled_from(["preferred", "Disentu", "new+york", "zzyx", "x", "ж"]),
        st.lists(st.sampled_from(["z i: k", "p r I f @r d", "?", "z i:", "d I z E n t u:"]), max_size=2).map(tuple),
    ),
    max_size=3,
)
phrases = st.lists(st.sampled_from(["say Disentu", "Preferred, preferred!", "$first_name zzyx", "...", "new york"]))


@given(phrases, entries)
@settings(max_examples=60, deadline=None)
def test_either_something_is_wrong_or_every_word_comes_back_with_a_pronunciation(
    said: list[str], written: list[Entry]
) -> None:
    draft = Draft(tuple(map(Phrase, said)), tuple(written))
    checked = check(draft)
    if list(vocabulary.problems(draft, checked)):
        return
    others = vocabulary.words_of_phrases(checked, 100)
    told: list[AdditionalWord] = vocabulary.additional_words((*checked.words, *check(others).words))
    spellings = [word.spelling.casefold() for word in told]
    assert len(set(spellings)) == len(spellings)
    assert {entry.spelling.casefold() for entry in written} <= set(spellings)
    for phrase in said:
        spoken = {word.strip(".,!").casefold() for word in phrase.split() if not word.startswith("$")} - {""}
        assert spoken <= set(spellings) | {part for spelling in spellings for part in spelling.split("+")}
    for word in told:
        assert word.pronunciations
        given_ones = {one for entry in written if entry.spelling == word.spelling for one in entry.pronunciations}
        assert given_ones <= {one.pronunciation for one in word.pronunciations}
    assert msgspec.json.decode(msgspec.json.encode(told), type=list[AdditionalWord]) == told


def test_words_of_phrases_are_known_or_generated_and_bounded() -> None:
    checked = check(Draft((Phrase("Preferred zzyx"), Phrase("zzyx and more"))))
    draft = vocabulary.words_of_phrases(checked, 3)
    assert [entry.spelling for entry in draft.words] == ["Preferred", "zzyx", "and"]
    preferred, unknown, _ = vocabulary.additional_words(check(draft).words)
    assert not any(said.out_of_vocabulary for said in preferred.pronunciations)
    assert all(said.out_of_vocabulary for said in unknown.pronunciations)
