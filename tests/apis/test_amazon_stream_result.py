"""Results of TranscriptEvent: ids, items, filters and personal data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.analysis.redact import ALL, PiiType
from dragoman.apis.amazon_transcribe.parameters import FilterMethod, Parameters
from dragoman.apis.amazon_transcribe.result import TranscriptResults
from dragoman.apis.amazon_transcribe.stability import Stability
from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.spacing import joined
from dragoman.core.transcript import LanguageScore, Transcript
from scripted import spoken
from strategies import transcripts

pytestmark = pytest.mark.unit


def results(*, unwanted: Iterable[str] = (), **options: Any) -> TranscriptResults:
    numbers = count()
    asked = Parameters(("en-US",), 16_000, "session", **options)
    return TranscriptResults(asked, {"en-US": tuple(unwanted)}, lambda: f"id-{next(numbers)}")


def told(of: TranscriptResults, *said: SpeechEvent) -> list[dict[str, Any]]:
    for event in said:
        of.deliver(event)
    return [msgspec.to_builtins(result) for result in of.take()]


def best(result: dict[str, Any]) -> dict[str, Any]:
    (alternative,) = result["Alternatives"]
    return dict(alternative)


def contents(result: dict[str, Any]) -> list[str]:
    return [item["Content"] for item in best(result)["Items"]]


def test_a_final_has_words_and_punctuation_in_seconds() -> None:
    (result,) = told(results(), Final(spoken("Hello, world.", start_ms=1056)))
    assert result == {
        "ResultId": "id-0",
        "StartTime": 1.056,
        "EndTime": 1.756,
        "IsPartial": False,
        "LanguageCode": "en-US",
        "Alternatives": [
            {
                "Transcript": "Hello, world.",
                "Items": [
                    item("Hello", 1.056, 1.356, Confidence=0.9),
                    item(",", 1.356, 1.356, "punctuation"),
                    item("world", 1.456, 1.756, Confidence=0.9),
                    item(".", 1.756, 1.756, "punctuation"),
                ],
            }
        ],
    }


def item(content: str, start: float, end: float, kind: str = "pronunciation", **more: Any) -> dict[str, Any]:
    return {
        "StartTime": start,
        "EndTime": end,
        "Type": kind,
        "Content": content,
        "VocabularyFilterMatch": False,
        **more,
    }


def test_a_result_keeps_its_id_until_its_final() -> None:
    of = results()
    first = told(of, SpeechStarted(0, 0, 0), Partial(spoken("one")))
    second = told(of, Partial(spoken("one two")))
    last = told(of, Final(spoken("One, two.")), SpeechEnded(0, 0, 2_000))
    other = told(of, SpeechStarted(1, 0, 0), Partial(spoken("three", 1)))
    assert [result["ResultId"] for result in (*first, *second, *last, *other)] == ["id-0", "id-0", "id-0", "id-1"]
    assert [result["IsPartial"] for result in (*first, *second, *last, *other)] == [True, True, False, True]


def test_ids_are_new_in_every_stream() -> None:
    asked = Parameters(("en-US",), 16_000, "session")
    ids = {told(TranscriptResults(asked), Final(spoken("one")))[0]["ResultId"] for _ in range(3)}
    assert len(ids) == 3


@given(transcripts(), st.lists(st.integers(0, 3)))
def test_finals_are_told_in_order_once_and_of_partials_the_newest(transcript: Transcript, pauses: list[int]) -> None:
    of = results(by_channel=True, channels=3)
    heard: list[dict[str, Any]] = []
    waits = iter(pauses)
    for segment in transcript.segments:
        for event in (Partial(segment), Partial(segment), Final(segment), SpeechEnded(segment.index, 0, 0)):
            of.deliver(event)
            if next(waits, 0) == 0:
                heard += told(of)
    heard += told(of)
    finals = [result for result in heard if not result["IsPartial"]]
    assert [best(result)["Transcript"] for result in finals] == [
        joined(word.text for word in segment.words) for segment in transcript.segments
    ]
    closed: set[str] = set()
    for result in heard:
        assert result["ResultId"] not in closed
        if not result["IsPartial"]:
            closed.add(result["ResultId"])


def test_of_partials_not_told_yet_the_newest_is() -> None:
    (result,) = told(results(), Partial(spoken("one")), Partial(spoken("one two")))
    assert contents(result) == ["one", "two"]


def test_a_final_makes_its_partial_void() -> None:
    (result,) = told(results(), Partial(spoken("one")), Final(spoken("two")))
    assert contents(result) == ["two"]


def test_what_was_shown_and_was_no_speech_is_taken_back() -> None:
    of = results()
    told(of, SpeechStarted(0, 0, 500), Partial(spoken("one")))
    (result,) = told(of, SpeechEnded(0, 0, 900))
    assert (result["ResultId"], result["IsPartial"], result["StartTime"], result["EndTime"]) == (
        "id-0",
        False,
        0.5,
        0.9,
    )
    assert best(result) == {"Transcript": "", "Items": []}


def test_what_was_never_shown_is_not_taken_back() -> None:
    assert told(results(), SpeechStarted(0, 0, 500), SpeechEnded(0, 0, 900), Finished(1_000, "en", "model")) == []


def test_what_was_held_back_is_not_taken_back() -> None:
    said = (SpeechStarted(0, 0, 500), Partial(spoken("one")), SpeechEnded(0, 0, 900))
    assert told(results(stability=Stability.LOW), *said) == []


def test_channels_are_named_when_they_are_asked_for() -> None:
    one = told(results(by_channel=True, channels=2), Final(spoken("one", channel=1)))[0]
    assert one["ChannelId"] == "ch_1"
    assert "ChannelId" not in told(results(), Final(spoken("one")))[0]


def test_partials_of_two_channels_are_two_results() -> None:
    of = results(by_channel=True, channels=2)
    heard = told(of, Partial(spoken("left", 0, channel=0)), Partial(spoken("right", 1, channel=1)))
    assert [(result["ChannelId"], contents(result)) for result in heard] == [("ch_0", ["left"]), ("ch_1", ["right"])]


def test_only_finals_say_how_sure_they_are_and_only_of_words() -> None:
    of = results()
    (partial,) = told(of, Partial(spoken("one, two")))
    (final,) = told(of, Final(spoken("one, two")))
    assert all("Confidence" not in item for item in best(partial)["Items"])
    assert all(("Confidence" in item) is (item["Type"] == "pronunciation") for item in best(final)["Items"])


def test_stable_is_told_with_stabilisation_only() -> None:
    for level in (None, *Stability):
        of = results(stability=level)
        for result in (*told(of, Partial(spoken("one"), 1)), *told(of, Final(spoken("one two")))):
            assert all(("Stable" in item) is (level is not None) for item in best(result)["Items"])


@pytest.mark.parametrize(
    ("method", "shown", "transcript"),
    [
        ("mask", ["what", "a", "***", ",", "thing"], "what a ***, thing"),
        ("remove", ["what", "a", "thing"], "what a thing"),
        ("tag", ["what", "a", "darn", ",", "thing"], "what a darn, thing"),
    ],
)
@pytest.mark.parametrize("level", [None, *Stability])
def test_unwanted_words_are_filtered_in_partials_too(
    method: FilterMethod, shown: list[str], transcript: str, level: Stability | None
) -> None:
    of = results(unwanted=["DARN"], filter_method=method, stability=level)
    said = spoken("what a darn, thing")
    told(of, Partial(said, 4))
    for result in (*told(of, Partial(said, 4)), *told(of, Final(said))):
        assert contents(result) == shown
        assert best(result)["Transcript"] == transcript
        matches = [item["Content"] for item in best(result)["Items"] if item["VocabularyFilterMatch"]]
        assert matches == (["darn"] if method == "tag" else [])


NAME = "My name is John Smith, thanks."


def test_personal_data_is_redacted_in_finals() -> None:
    of = results(pii_types=ALL, redacts=True)
    (partial,) = told(of, Partial(spoken(NAME)))
    (final,) = told(of, Final(spoken(NAME)))
    assert "John" in contents(partial)
    assert "Entities" not in best(partial)
    assert contents(final) == ["My", "name", "is", "[NAME]", ",", "thanks", "."]
    assert best(final)["Transcript"] == "My name is [NAME], thanks."
    (entity,) = best(final)["Entities"]
    assert 0 < entity.pop("Confidence") <= 1
    assert entity == {"StartTime": 1.7, "EndTime": 2.4, "Category": "PII", "Type": "NAME", "Content": "[NAME]"}
    (redacted,) = (item for item in best(final)["Items"] if item["Content"] == "[NAME]")
    assert (redacted["StartTime"], redacted["EndTime"], redacted["Type"]) == (1.7, 2.4, "pronunciation")


def test_personal_data_that_is_identified_stays() -> None:
    (final,) = told(results(pii_types=ALL), Final(spoken(NAME)))
    assert best(final)["Transcript"] == NAME
    (entity,) = best(final)["Entities"]
    assert (entity["Type"], entity["Content"]) == ("NAME", "John Smith")


def test_other_types_of_personal_data_are_left_alone() -> None:
    (final,) = told(results(pii_types=frozenset({PiiType.EMAIL}), redacts=True), Final(spoken(NAME)))
    assert best(final)["Transcript"] == NAME
    assert best(final)["Entities"] == []


@pytest.mark.parametrize("level", Stability)
def test_what_is_redacted_is_redacted_although_it_was_stable(level: Stability) -> None:
    of = results(pii_types=ALL, redacts=True, stability=level)
    for _ in range(2):
        told(of, Partial(spoken(NAME), 6))
    (final,) = told(of, Final(spoken(NAME)))
    assert best(final)["Transcript"] == "My name is [NAME], thanks."
    assert "John" not in str(final)


def test_a_language_that_was_found_out_is_told_with_all_scores() -> None:
    asked = Parameters(("en-US", "de-AT"), 16_000, "session")
    heard = replace(spoken("eins"), languages=(LanguageScore("de", 0.9), LanguageScore("en", 0.1)))
    (result,) = told(TranscriptResults(asked, {"de-AT": ("eins",), "en-US": ("one",)}), Final(heard))
    assert result["LanguageCode"] == "de-AT"
    assert result["LanguageIdentification"] == [
        {"LanguageCode": "de-AT", "Score": 0.9},
        {"LanguageCode": "en-US", "Score": 0.1},
    ]
    assert result["Alternatives"][0]["Transcript"] == "***"


def test_a_word_whose_speaker_is_known_says_it_in_the_final() -> None:
    words = tuple(replace(word, speaker=number) for number, word in enumerate(spoken("one two").words))
    results = TranscriptResults(Parameters(("en-US",), 16_000, "session"))
    (partial,) = told(results, Partial(replace(spoken("one two"), words=words), 0))
    (final,) = told(results, Final(replace(spoken("one two"), words=words)))
    assert [item.get("Speaker") for item in partial["Alternatives"][0]["Items"]] == [None, None]
    assert [item.get("Speaker") for item in final["Alternatives"][0]["Items"]] == ["0", "1"]


def test_words_of_a_language_without_spaces_stand_together_with_their_marks() -> None:
    (result,) = told(results(), Final(spoken("今天 很好。 Google Cloud")))
    assert best(result)["Transcript"] == "今天很好。Google Cloud"
    assert contents(result) == ["今天", "很好", "。", "Google", "Cloud"]


@pytest.mark.parametrize("level", Stability)
def test_a_word_that_stays_has_the_speaker_of_its_place_in_the_final(level: Stability) -> None:
    words = tuple(replace(word, speaker=number) for number, word in enumerate(spoken("won two three").words))
    of = results(stability=level)
    told(of, Partial(spoken("one two"), 2))
    (final,) = told(of, Final(replace(spoken("won two three"), words=words)))
    items = best(final)["Items"]
    assert [(item["Content"], item["Speaker"]) for item in items] == [("one", "0"), ("two", "1"), ("three", "2")]


def test_redacted_words_have_a_speaker() -> None:
    said = spoken("My name is John Smith, hello.")
    words = tuple(replace(word, speaker=1) for word in said.words)
    (final,) = told(results(pii_types=ALL, redacts=True), Final(replace(said, words=words)))
    items = best(final)["Items"]
    assert "[NAME]" in contents(final)
    assert {item.get("Speaker") for item in items if item["Type"] == "pronunciation"} == {"1"}
