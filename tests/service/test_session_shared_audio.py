"""Live speech is recognised about as well as the same speech in a file, over real recordings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.recordings import Recording, read_manifest
from benchmarks.scoring import WordErrors
from dragoman.audio.segment import Segmenter
from dragoman.core.events import Final
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.server.profiles import build_recognisers
from dragoman.server.settings import Settings
from dragoman.service.recognise import Recogniser, recognise_segment
from dragoman.service.session import Kind
from live_speech import recognised_live

pytestmark = pytest.mark.audio

REQUEST = RecognitionRequest(time_detail=TimeDetail.SEGMENT)
LONG_S = 240


def spoken(folder: Path) -> list[tuple[np.ndarray, str]]:
    """Nine minutes of sentences, digits and meetings, and the first minutes of a long reading."""
    by_folder: dict[str, list[Recording]] = {}
    for recording in read_manifest(folder):
        if recording.is_scored:
            by_folder.setdefault(recording.folder, []).append(recording)
    chosen = by_folder["read"][::4] + by_folder["accented"][::4] + by_folder["telephone"] + by_folder["conversation"]
    found = [(recording.samples(), str(recording.text)) for recording in chosen]
    reading = json.loads((folder / "long" / "long_reading.json").read_text(encoding="utf-8"))
    sentences = [sentence for sentence in reading["sentences"] if sentence["end"] < LONG_S]
    samples = by_folder["long"][0].samples()[: round((sentences[-1]["end"] + 0.2) * 16_000)]
    return [*found, (samples, " ".join(sentence["text"] for sentence in sentences))]


def as_file(recogniser: Recogniser, samples: np.ndarray) -> str:
    segmenter = Segmenter(recogniser.engine.capabilities.max_segment_ms)
    segments = segmenter.feed(samples, recogniser.voice_activity.open().feed(samples)) + segmenter.finish()
    found = [recognise_segment(recogniser, speech, 0, 0, REQUEST, lambda: False) for speech in segments]
    return " ".join(segment.text for segment in found if segment is not None)


def as_stream(recogniser: Recogniser, samples: np.ndarray) -> str:
    events = recognised_live(recogniser, samples, 16_000, REQUEST, lambda kind: kind is Kind.FINAL)
    return " ".join(event.segment.text for event in events if isinstance(event, Final))


def test_live_speech_has_at_most_15_percent_more_errors_than_the_file(shared_audio: Path) -> None:
    recogniser = build_recognisers(Settings())["default"]
    live, file = WordErrors(), WordErrors()
    for samples, text in spoken(shared_audio):
        file.add(text, as_file(recogniser, samples))
        live.add(text, as_stream(recogniser, samples))
    assert file.words > 1_000
    assert live.errors <= 1.15 * file.errors, f"{live.rate:.1f} % live, {file.rate:.1f} % as files"
