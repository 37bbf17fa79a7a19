"""Partial-results stabilisation: what was called stable never changes, whatever the recogniser says later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.apis.amazon_transcribe.parameters import Parameters
from dragoman.apis.amazon_transcribe.result import TranscriptResults
from dragoman.apis.amazon_transcribe.stability import Stability, StableWords, split
from dragoman.apis.amazon_transcribe.wire import Item
from dragoman.core.events import Final, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.transcript import Segment, Word
from scripted import spoken

pytestmark = pytest.mark.unit

LEVELS = [None, *Stability]
words = st.builds(
    lambda text, sign: text + sign,
    st.sampled_from(["it", "It", "was", "the", "best", "of", "times", "U.S", "Mr", "'quote'", "…"]),
    st.sampled_from(["", "", "", ",", ".", "?!"]),
)


@st.composite
def utterances(draw: st.DrawFn) -> tuple[list[tuple[str, int]], str]:
    """Drafts of what is said, each with the number of its words that have come to rest, and the final.

    As the recogniser does it, later drafts begin with the words that have come to rest, and the final may not.
    """
    rested: list[str] = []
    drafts = []
    for behind in draw(st.lists(st.lists(words, max_size=5), min_size=1, max_size=6)):
        said = [*rested, *behind]
        if said:
            rested = said[: draw(st.integers(len(rested), len(said)))]
            drafts.append((" ".join(said), len(rested)))
    return drafts, " ".join(draw(st.lists(words, max_size=12)))


def final_of(text: str) -> Final:
    return Final(spoken(text) if text else Segment(0, 0, 500, 500, "", 1.0))


def shown(level: Stability | None, said: Iterable[SpeechEvent]) -> list[list[Item]]:
    """The items of every result."""
    results = TranscriptResults(Parameters(("en-US",), 16_000, "session", stability=level))
    heard = []
    for event in said:
        results.deliver(event)
        heard += [result.Alternatives[0].Items for result in results.take()]
    return heard


def events(drafts: Sequence[tuple[str, int]], final: str | None) -> list[SpeechEvent]:
    """Without a final it was no speech after all."""
    ending: list[SpeechEvent] = [] if final is None else [final_of(final)]
    return [
        SpeechStarted(0, 0, 500),
        *(Partial(spoken(text), rested) for text, rested in drafts),
        *ending,
        SpeechEnded(0, 0, 9_000),
    ]


@pytest.mark.parametrize("level", Stability)
@given(said=utterances(), ends=st.booleans())
def test_stable_items_never_change(level: Stability, said: tuple[list[tuple[str, int]], str], ends: bool) -> None:
    stable: list[Item] = []
    for items in shown(level, events(said[0], said[1] if ends else None)):
        again = [replace_confidence(item) for item in items[: len(stable)]]
        assert again == stable
        flags = [item.Stable for item in items]
        assert flags == sorted(flags, reverse=True)
        stable = [replace_confidence(item) for item in items if item.Stable]


def replace_confidence(item: Item) -> tuple[object, ...]:
    """All of an item but how sure the recogniser is, which only finals tell."""
    return (item.Content, item.Type, item.StartTime, item.EndTime)


@given(utterances())
def test_a_final_is_stable_and_every_level_tells(said: tuple[list[tuple[str, int]], str]) -> None:
    for level in LEVELS:
        *_, final = shown(level, events(*said))
        assert all(item.Stable is True for item in final) if level else all(item.Stable is not True for item in final)


@given(utterances())
def test_items_are_in_the_order_of_time(said: tuple[list[tuple[str, int]], str]) -> None:
    for level in LEVELS:
        for items in shown(level, events(*said)):
            assert all(item.StartTime <= item.EndTime for item in items)
            if level is not None:
                assert all(one.EndTime <= other.StartTime for one, other in pairwise(items))


@given(utterances())
def test_without_stabilisation_everything_is_as_the_recogniser_says(said: tuple[list[tuple[str, int]], str]) -> None:
    drafts, final = said
    texts = [text for text, _ in drafts] + [final]
    heard = shown(None, events(*said))
    assert ["".join(item.Content for item in items) for items in heard] == [text.replace(" ", "") for text in texts]


@given(utterances())
def test_higher_stability_shows_and_keeps_no_later(said: tuple[list[tuple[str, int]], str]) -> None:
    """So far as the levels have kept the same words, which they do while the drafts agree."""
    high, medium, low = (StableWords(level) for level in (Stability.HIGH, Stability.MEDIUM, Stability.LOW))
    before: list[str] = []
    for text, rested in said[0]:
        if [w.rstrip(".,?!…") for w in text.split()][: len(before)] != before:
            return
        before = [w.rstrip(".,?!…") for w in text.split()]
        heard = [len(each.partial(spoken(text).words, rested)) for each in (high, medium, low)]
        assert heard[0] >= heard[1] == heard[2]
        assert high.kept >= medium.kept >= low.kept


def texts(said: Sequence[Word]) -> list[str]:
    return [word.text for word in said]


def test_high_keeps_what_it_shows() -> None:
    high = StableWords(Stability.HIGH)
    assert texts(high.partial(spoken("it was the beast").words, 0)) == ["it", "was", "the", "beast"]
    assert texts(high.final(spoken("It was the best of times.").words)) == ["it", "was", "the", "beast", "of", "times."]


def test_medium_shows_and_keeps_what_two_partials_agree_on() -> None:
    medium = StableWords(Stability.MEDIUM)
    assert medium.partial(spoken("it was the beast").words, 0) == ()
    assert texts(medium.partial(spoken("it was the best of").words, 0)) == ["it", "was", "the"]
    assert medium.kept == 3
    assert texts(medium.final(spoken("It was the rest of times.").words))[3:] == ["rest", "of", "times."]


def test_low_shows_what_two_partials_agree_on_and_keeps_what_rests() -> None:
    low = StableWords(Stability.LOW)
    assert low.partial(spoken("it was").words, 0) == ()
    assert texts(low.partial(spoken("it was the").words, 1)) == ["it", "was"]
    assert low.kept == 1
    assert texts(low.final(spoken("It is the best.").words)) == ["it", "is", "the", "best."]


def test_the_end_of_a_partial_has_no_punctuation_that_a_next_word_would_undo() -> None:
    high = StableWords(Stability.HIGH)
    assert texts(high.partial(spoken("Hello.").words, 0)) == ["Hello"]
    assert texts(high.partial(spoken("Hello, world.").words, 0)) == ["Hello,", "world"]
    assert texts(high.final(spoken("Hello, world!").words)) == ["Hello,", "world!"]


def test_a_final_of_fewer_words_has_those_that_stay() -> None:
    high = StableWords(Stability.HIGH)
    high.partial(spoken("one two three").words, 0)
    assert texts(high.final(())) == ["one", "two", "three"]
    assert texts(StableWords(Stability.HIGH).final(())) == []


def test_words_that_stay_keep_their_times_and_others_come_after() -> None:
    high = StableWords(Stability.HIGH)
    high.partial(spoken("one two").words, 0)
    early = [replace(word, start_ms=0, end_ms=10) for word in spoken("one two three").words]
    last = high.final(early)
    assert [(word.start_ms, word.end_ms) for word in last] == [(500, 800), (900, 1200), (1200, 1200)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello", ("Hello", "")),
        ("Hello,", ("Hello", ",")),
        ("what?!", ("what", "?!")),
        ("U.S.", ("U.S.", "")),
        ("U.S..", ("U.S.", ".")),
        ("Mr.", ("Mr.", "")),
        ("3.5", ("3.5", "")),
        ("3.5.", ("3.5", ".")),
        ("a.m.,", ("a.m.", ",")),
        ("I.", ("I", ".")),
        ("***.", ("***", ".")),
        ("…", ("", "…")),
        ("", ("", "")),
    ],
)
def test_a_word_and_what_stands_behind_it(text: str, parts: tuple[str, str]) -> None:
    assert split(text) == parts


@given(st.text())
def test_nothing_is_lost_between_word_and_punctuation(text: str) -> None:
    assert "".join(split(text)) == text
