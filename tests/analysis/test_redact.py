"""What is found is well formed whatever is said; what it is replaced by touches nothing else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.analysis.redact import ALL, Entity, PiiType, find, redacted
from dragoman.core.transcript import Word
from strategies import word_texts

pytestmark = pytest.mark.unit

TELLING = """
my name is Mary Smith, phone number card pin social security account routing zip code expires cvv at dot com five oh
double seven twenty hundred thousand 4242 555-0123. street Lane apartment b London Texas s m i t h, is last four of the
ending in postcode po box may 2027 email underscore a@example.com uh [NAME] [PHONE]. 12 as in IBAN GB00 order Dr. with
this I'm mark's and, plus slash nine? (415) 1,250 04/27 B7 2AB
"""
spoken = st.lists(st.one_of(st.sampled_from(TELLING.split()), word_texts), max_size=40)
types = st.frozensets(st.sampled_from(PiiType))


def said(texts: list[str]) -> list[Word]:
    return [Word(text, 100 * at, 100 * at + 80, 0.9) for at, text in enumerate(texts)]


def shown(text: str) -> str:
    words = said(text.split())
    return " ".join(word.text for word in redacted(words, find(text.split())))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi, I'm Natalie.", "Hi, I'm [NAME]."),
        ("Natalie's car is red.", "[NAME]'s car is red."),
        ("My PIN is nine two six one, thanks.", "My PIN is [PIN], thanks."),
        ("the zip is nine oh two one oh", "the zip is [ADDRESS]"),
        ("we have nine two six one of them", "we have nine two six one of them"),
        (
            "write to b as in boy dot lund at example dot com or call 415-555-0123?",
            "write to [EMAIL] or call [PHONE]?",
        ),
        ("visa four triple two and so on", "visa four triple two and so on"),
        (
            "card ending in 4 2 4 2, expires twelve of twenty nine, code one two three",
            "card ending in [CREDIT_DEBIT_NUMBER], expires [CREDIT_DEBIT_EXPIRY], code [CREDIT_DEBIT_CVV]",
        ),
        (
            "routing one two three four five six seven eight zero, account 000123456789",
            "routing [BANK_ROUTING], account [BANK_ACCOUNT_NUMBER]",
        ),
        ("IBAN GB33BUKB20201555555555, please", "IBAN [BANK_ACCOUNT_NUMBER], please"),
        ("The number is 4242. 4242. 4242. 4242. Thanks.", "The number is [CREDIT_DEBIT_NUMBER]. Thanks."),
        ("twenty two forty seven is my PIN", "[PIN] is my PIN"),
        ("it's a Visa, zero five twenty eight is the expiry", "it's a Visa, [CREDIT_DEBIT_EXPIRY] is the expiry"),
        ("Last four of the social? 4329.", "Last four of the social? [SSN]."),
        ("order number 555 0123 456 is late", "order number 555 0123 456 is late"),
        ("send it to flat 3, 27 Queens Road, Bristol BS1 1AA, tomorrow", "send it to [ADDRESS], tomorrow"),
    ],
)
def test_the_type_stands_for_the_whole_and_punctuation_stays(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(spoken)
def test_entities_are_in_order_inside_the_words_and_apart(texts: list[str]) -> None:
    before = 0
    for entity in find(texts):
        assert before <= entity.start_word < entity.stop_word <= len(texts)
        assert 0 < entity.confidence <= 1
        before = entity.stop_word


@given(spoken, types)
def test_asking_for_fewer_types_only_leaves_others_out(texts: list[str], wanted: frozenset[PiiType]) -> None:
    assert find(texts, wanted) == [entity for entity in find(texts, ALL) if entity.type in wanted]


@given(spoken, types)
def test_words_beside_the_entities_stay_as_they_are(texts: list[str], wanted: frozenset[PiiType]) -> None:
    words = said(texts)
    entities = find(texts, wanted)
    left = list(redacted(words, entities))
    for entity in reversed(entities):
        start = entity.start_word - sum(
            e.stop_word - e.start_word - 1 for e in entities if e.stop_word <= entity.start_word
        )
        placeholder = left[start]
        inside = words[entity.start_word : entity.stop_word]
        assert placeholder.text.startswith(f"[{entity.type.value}]")
        assert (placeholder.start_ms, placeholder.end_ms) == (inside[0].start_ms, inside[-1].end_ms)
        left[start : start + 1] = inside
    assert left == words


@given(spoken)
def test_a_placeholder_is_never_found_again(texts: list[str]) -> None:
    once = [word.text for word in redacted(said(texts), find(texts))]
    for entity in find(once):
        assert not any(word.startswith("[") for word in once[entity.start_word : entity.stop_word])


def test_nothing_of_what_was_found_is_shown() -> None:
    words = said(["call", "Mary", "Smith", "at", "415-555-0123."])
    entities = [Entity(1, 3, PiiType.NAME, 0.9), Entity(4, 5, PiiType.PHONE, 0.8)]
    assert redacted(words, entities) == (
        words[0],
        Word("[NAME]", 100, 280, 0.9),
        words[3],
        Word("[PHONE].", 400, 480, 0.8),
    )


@pytest.mark.parametrize(
    "pattern",
    [
        "five",
        "oh uh",
        "thousand",
        "five thousand",
        "a",
        "x at",
        "a dot",
        "at a dot com",
        "double",
        "12 Oak",
        "london",
        "is Mary",
    ],
)
def test_the_time_grows_with_the_words_and_not_faster(pattern: str) -> None:
    def spent(times: int) -> float:
        texts = pattern.split() * times
        started = time.process_time()
        find(texts)
        return time.process_time() - started

    find(pattern.split())
    short = min(spent(500) for _ in range(3))
    assert spent(10_000) < 160 * short + 0.05  # 20 times the words; the square would be 400
