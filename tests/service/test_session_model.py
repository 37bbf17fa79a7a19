"""A live session with the real recogniser, over real recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scoring import WordErrors
from dragoman.audio.decode import MediaLimits
from dragoman.core.events import Final, Finished, Partial, SpeechEvent
from dragoman.core.request import DictionaryWord, Phrase, RecognitionRequest, SpeakerRequest, Vocabulary
from dragoman.core.speakers import assign
from dragoman.core.transcript import Turn, Word
from dragoman.server.profiles import build_recognisers
from dragoman.server.settings import Settings
from dragoman.service.recognise import Recogniser
from dragoman.service.session import Kind
from dragoman.service.transcribe import Recognised, Transcriber
from live_speech import recognised_live
from recordings import speech, wav

pytestmark = pytest.mark.model

REQUEST = RecognitionRequest(language="en")
SECONDS = {"two_cities": 25.0, "beckett": 9.5}


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return build_recognisers(Settings())["default"]


def words_of(events: list[SpeechEvent]) -> list[Word]:
    return [word for event in events if isinstance(event, Final) for word in event.segment.words]


@pytest.mark.parametrize("name", list(SECONDS))
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_live_speech_says_what_the_file_says(
    recogniser: Recogniser, sample: Callable[[str], Path], tmp_path: Path, name: str, rate: int
) -> None:
    samples = speech(sample(name), rate, SECONDS[name], start_s=0.0)
    file = tmp_path / "speech.wav"
    file.write_bytes(wav((samples * 32767).astype("<i2").tobytes(), rate=rate))
    reports = Transcriber({"default": recogniser}, MediaLimits()).transcribe(file, REQUEST)
    expected = " ".join(r.segment.text for r in reports if isinstance(r, Recognised) and r.segment is not None)
    events = recognised_live(recogniser, samples, rate, REQUEST, lambda kind: kind is not Kind.PARTIAL)
    found = words_of(events)
    difference = WordErrors()
    difference.add(expected, " ".join(word.text for word in found))
    assert difference.words >= 10
    assert difference.rate <= 15
    duration_ms = len(samples) * 1000 // rate
    assert events[-1] == Finished(duration_ms, "en", recogniser.engine.capabilities.model)
    assert all(word.start_ms <= word.end_ms <= after.start_ms for word, after in pairwise(found))
    assert found[-1].end_ms <= duration_ms


def test_partials_come_while_it_is_spoken_and_their_stable_words_keep_their_places(
    recogniser: Recogniser, sample: Callable[[str], Path]
) -> None:
    samples = speech(sample("two_cities"), 16_000, 12.0)
    events = recognised_live(recogniser, samples, 16_000, REQUEST)
    shown = [event for event in events if isinstance(event, Partial)]
    assert len(shown) >= 12
    assert max(partial.stable_words for partial in shown) >= 5
    for before, after in pairwise(shown):
        if before.segment.index == after.segment.index:
            kept = before.stable_words
            assert after.segment.words[:kept] == before.segment.words[:kept]
    for partial in shown:
        words = partial.segment.words
        assert all(word.start_ms <= word.end_ms <= later.start_ms for word, later in pairwise(words))
    last = shown[-1]
    (final,) = (
        event.segment for event in events if isinstance(event, Final) and event.segment.index == last.segment.index
    )
    same = [
        abs(known.start_ms - word.start_ms)
        for known, word in zip(last.segment.words[: last.stable_words], final.words, strict=False)
        if known.text.strip(",.").lower() == word.text.strip(",.").lower()
    ]
    assert len(same) >= 3
    assert sorted(same)[len(same) // 2] <= 100


def test_a_dictionary_changes_the_words_it_is_meant_for_as_in_files(
    recogniser: Recogniser, sample: Callable[[str], Path]
) -> None:
    """The recording says "incredulity" once."""
    word = DictionaryWord("Inckredulitie", (("IH", "N", "K", "R", "AH", "D", "UW", "L", "IH", "T", "IY"),))
    samples = speech(sample("two_cities"), 16_000, SECONDS["two_cities"], start_s=0.0)

    def heard(*words: DictionaryWord) -> list[str]:
        request = replace(REQUEST, vocabulary=Vocabulary(words=words))
        events = recognised_live(recogniser, samples, 16_000, request, lambda kind: kind is not Kind.PARTIAL)
        return [word.text for word in words_of(events)]

    plain = heard()
    assert heard(word) == [text.replace("incredulity", "Inckredulitie") for text in plain] != plain


def test_a_preferred_phrase_is_heard_in_partials_and_finals(
    recogniser: Recogniser, sample: Callable[[str], Path]
) -> None:
    """From 18 s on the recording says "spring of hope"; cut off there, the model hears another word."""
    samples = speech(sample("two_cities"), 16_000, 3.0, start_s=18.0)

    def heard(*phrases: str) -> tuple[str, str]:
        request = replace(REQUEST, vocabulary=Vocabulary(tuple(Phrase(text) for text in phrases)))
        events = recognised_live(recogniser, samples, 16_000, request)
        partials = [event.segment.text for event in events if isinstance(event, Partial)]
        finals = [event.segment.text for event in events if isinstance(event, Final)]
        return partials[-1].lower(), finals[0].lower()

    assert not any("spring" in text for text in heard()), "the model has learnt; find another word"
    assert all(text.startswith("spring of hope") for text in heard("spring of hope"))


def test_who_takes_turns_is_told_apart_while_they_speak(recogniser: Recogniser, sample: Callable[[str], Path]) -> None:
    """The first words of somebody new may be given to another."""
    places = (
        *(("two_cities", 0, 5.0), ("endgame_nagg_nell", 23.6, 3.8), ("two_cities", 5, 5.0)),
        *(("endgame_nagg_nell", 23.6, 3.8), ("two_cities", 10, 4.0)),
    )
    parts, turns, end_ms = [], [], 0
    for at, (name, start_s, seconds) in enumerate(places):
        parts += [speech(sample(name), 16_000, seconds, start_s=start_s), np.zeros(9_600)]
        turns.append(Turn(end_ms, end_ms + round(1000 * seconds), at % 2))
        end_ms = turns[-1].end_ms + 600
    request = replace(REQUEST, speakers=SpeakerRequest())
    events = recognised_live(recogniser, np.concatenate(parts), 16_000, request, lambda kind: kind is not Kind.PARTIAL)
    found = words_of(events)
    right = [word.speaker == expected for word, expected in zip(found, assign(found, turns), strict=True)]
    assert len(found) > 30
    assert np.mean(right) > 0.9
