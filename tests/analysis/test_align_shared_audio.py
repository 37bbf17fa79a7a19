"""Alignment of what is known to be said, over every recording that comes with its text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dragoman.analysis.align import PocketSphinxAligner
from dragoman.analysis.features import Floats
from dragoman.audio.decode import MediaLimits, open_media
from dragoman.core.request import ChannelSelection

pytestmark = pytest.mark.audio


@pytest.fixture(scope="module")
def aligner() -> PocketSphinxAligner:
    aligner = PocketSphinxAligner()
    aligner.load()
    return aligner


def decoded(path: Path) -> Floats:
    with open_media(path, ChannelSelection.parse("mix"), MediaLimits()) as media:
        return np.concatenate([block[0] for block in media.blocks()])


def test_words_keep_the_laws_on_every_recording_with_a_text(aligner: PocketSphinxAligner, shared_audio: Path) -> None:
    checked = 0
    for line in (shared_audio / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if not (entry["text"] and entry["decodes"]) or entry.get("headerless") or entry["seconds"] > 30:
            continue
        audio, words = decoded(shared_audio / entry["file"]), entry["text"].split()
        after = 0
        for word, times in zip(words, aligner.align(audio.data, words, characters=True), strict=True):
            assert after <= times.start_ms <= times.end_ms <= len(audio) / 16, entry["file"]
            assert "".join(character.text for character in times.characters) == word
            after = times.end_ms
        checked += 1
    assert checked > 200


def test_words_begin_in_their_sentence_and_at_its_pauses(aligner: PocketSphinxAligner, shared_audio: Path) -> None:
    """Each sentence of the long reading is cut out with 300 ms on either side."""
    audio = decoded(shared_audio / "long" / "long_reading.flac")
    inside = total = 0
    early, late = [], []
    for sentence in json.loads((shared_audio / "long" / "long_reading.json").read_text())["sentences"]:
        start = max(0.0, sentence["start"] - 0.3)
        clip = np.ascontiguousarray(audio[int(start * 16_000) : int((sentence["end"] + 0.3) * 16_000)])
        found = aligner.align(clip.data, sentence["text"].split())
        starts = [start + times.start_ms / 1000 for times in found]
        inside += sum(sentence["start"] <= at <= sentence["end"] for at in starts)
        total += len(starts)
        power = np.convolve(clip.astype(np.float64) ** 2, np.ones(160) / 160, "same")[::160]
        loud = np.flatnonzero(power > 10 ** ((36 - 90) / 10))  # the reader's room is 70 dB below full scale
        early.append(found[0].start_ms - 10 * loud[0])
        late.append(found[-1].end_ms - 10 * loud[-1])
    assert inside / total >= 0.99
    assert abs(np.median(early)) <= 20
    assert abs(np.median(late)) <= 40
    assert np.mean(np.abs(early) <= 80) >= 0.85
