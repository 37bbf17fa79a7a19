"""Every recording there is, the odd and broken ones above all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dragoman.audio.decode import MediaLimits, open_media
from dragoman.core.errors import EmptyAudio, UndecodableAudio, UnsupportedAudio
from dragoman.core.request import ChannelSelection

pytestmark = pytest.mark.audio


def manifest(folder: Path) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(entries) > 400
    return entries


def whole(entry: dict[str, Any]) -> bool:
    return bool(entry["decodes"] and not entry.get("headerless") and entry["seconds"])


def test_every_whole_recording_has_the_length_it_should_have(shared_audio: Path) -> None:
    checked = 0
    for entry in filter(whole, manifest(shared_audio)):
        with open_media(shared_audio / entry["file"], ChannelSelection.parse("split"), MediaLimits()) as media:
            assert len(media.channels) == entry["channels"], entry["file"]
            blocks = list(media.blocks())
        samples = sum(block.shape[1] for block in blocks)
        assert samples / 16000 == pytest.approx(entry["seconds"], abs=0.0015), entry["file"]
        assert all(np.isfinite(block).all() for block in blocks), entry["file"]
        checked += 1
    assert checked > 390


def test_everything_else_is_refused_with_a_reason(shared_audio: Path) -> None:
    for entry in manifest(shared_audio):
        if whole(entry):
            continue
        with (
            pytest.raises((UndecodableAudio, UnsupportedAudio, EmptyAudio)) as caught,
            open_media(shared_audio / entry["file"], ChannelSelection(), MediaLimits()) as media,
        ):
            list(media.blocks())
        if entry.get("headerless"):
            assert "raw PCM" in caught.value.message, entry["file"]


def test_a_rate_of_a_million_is_refused_as_such(shared_audio: Path) -> None:
    path = shared_audio / "odd" / "pocketsphinx_awful.wav"
    with (
        pytest.raises(UnsupportedAudio, match="1092676 Hz"),
        open_media(path, ChannelSelection(), MediaLimits()),
    ):
        pytest.fail("it was opened")
