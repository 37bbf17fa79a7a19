"""Through the whole of a worker's recogniser: a dictionary changes the words it is meant for and no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dragoman.core.request import DictionaryWord, RecognitionRequest, TimeDetail, Vocabulary
from dragoman.core.transcript import Word
from dragoman.language.lexicon import Lexicon
from dragoman.server.profiles import build_transcriber
from dragoman.server.settings import Settings
from dragoman.service.transcribe import Recognised, Transcriber

pytestmark = pytest.mark.model

DICKENS = DictionaryWord("Inckredulitie", (("IH", "N", "K", "R", "AH", "D", "UW", "L", "IH", "T", "IY"),))
"""The recording says "incredulity" once."""


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    return build_transcriber(Settings())


@pytest.fixture(scope="module")
def strangers() -> list[DictionaryWord]:
    """A hundred words, evenly from the whole lexicon, that the recording does not have."""
    lexicon = Lexicon()
    lexicon.load()
    long = [word for word in lexicon.words() if len(word) > 6 and word.isalpha()]
    return [DictionaryWord(word, lexicon.pronunciations(word)) for word in long[50 :: len(long) // 100]]


def words(transcriber: Transcriber, recording: Path, dictionary: Sequence[DictionaryWord] = ()) -> list[Word]:
    request = RecognitionRequest(time_detail=TimeDetail.CHARACTER, vocabulary=Vocabulary(words=tuple(dictionary)))
    reports = transcriber.transcribe(recording, request)
    return [word for r in reports if isinstance(r, Recognised) and r.segment for word in r.segment.words]


def test_one_entry_changes_one_word_and_nothing_else(
    transcriber: Transcriber, strangers: list[DictionaryWord], sample: Callable[[str], Path]
) -> None:
    before = words(transcriber, sample("two_cities"))
    after = words(transcriber, sample("two_cities"), [DICKENS, *strangers])
    changed = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old.text != new.text]
    (at,) = changed
    assert (before[at].text, after[at].text) == ("incredulity.", "Inckredulitie.")
    assert after[at].start_ms == pytest.approx(before[at].start_ms, abs=30)
    assert after[at].end_ms == pytest.approx(before[at].end_ms, abs=30)
    assert 0.5 <= after[at].confidence <= 1
    assert "".join(character.text for character in after[at].characters) == "Inckredulitie."
