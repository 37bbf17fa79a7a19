"""Languages that are found out and audio events, through worker processes, with models that are made on the spot."""

from __future__ import annotations

import json
import wave
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest

from dragoman.core.models import ModelEngine, ModelTask
from dragoman.engines.sherpa.identifier import SherpaIdentifier
from dragoman.language.tags import english_name
from dragoman.server.app import build_app
from dragoman.server.models import build_models
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import load_settings
from dragoman.service.models import Description
from scripted import client
from tiny_sounds import APPLAUSE_HZ, MUSIC_HZ, Floats, save_tiny_identifier, save_tiny_tagger, tone

pytestmark = pytest.mark.model

LANGUAGES = ["cs", "zh", "de"]
PARTS = (tone(MUSIC_HZ, 10.5), tone(APPLAUSE_HZ, 10), np.zeros(12 * 16_000, np.float32))
"""Long enough to be shared among workers."""


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """It recognises three languages by script, and has a model for either task."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"languages": LANGUAGES}))
    monkeypatch.setenv("DRAGOMAN_FAKE_SCRIPT", str(script))
    profiles = {"default": {"engine": "fake"}, "accurate": {"engine": "fake"}}
    settings = load_settings(
        {"profiles": profiles, "spool_dir": tmp_path, "state_dir": tmp_path / "state", "workers": 2}, environ={}
    )
    for folder, task in (
        (save_tiny_identifier(tmp_path / "tells"), ModelTask.LANGUAGE_IDENTIFICATION),
        (save_tiny_tagger(tmp_path / "hears"), ModelTask.AUDIO_TAGGING),
    ):
        build_models(settings).add(folder.name, folder, Description(task, ModelEngine.SHERPA))
    async with client(build_app(settings, build_recognition(settings))) as connected:
        yield connected


def recording(*parts: Floats) -> bytes:
    written = BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
    return written.getvalue()


async def test_telecomx_and_openai(server: httpx.AsyncClient, tmp_path: Path) -> None:
    upload = {"file": ("sounds.wav", recording(*PARTS))}
    said = (await server.post("/voice/stt", data={"engine": "ELEVEN"}, files=upload)).json()
    heard = np.concatenate(PARTS)[: 30 * 16_000]
    shares = SherpaIdentifier(tmp_path / "tells").identify(heard.data, LANGUAGES)
    assert said["language_code"] == LANGUAGES[shares.index(max(shares))]
    assert said["language_probability"] == pytest.approx(max(shares), abs=0.05)
    assert "".join(item["text"] for item in said["words"]) == said["text"]
    sounds = [item for item in said["words"] if item["type"] == "audio_event"]
    assert [sound["text"] for sound in sounds] == ["(music)", "(applause)"]
    assert [sound["start"] for sound in sounds] == pytest.approx([0.0, 10.5], abs=2.5)
    assert [sound["end"] for sound in sounds] == pytest.approx([10.5, 20.5], abs=2.5)

    untagged = {"engine": "ELEVEN", "tag_audio_events": "false", "language": "de"}
    plain = (await server.post("/voice/stt", data=untagged, files=upload)).json()
    assert {item["type"] for item in plain["words"]} == {"word", "spacing"}
    assert (plain["language_code"], plain["language_probability"]) == ("de", 1.0)

    asked = {"model": "whisper-1", "response_format": "verbose_json"}
    verbose = (await server.post("/v1/audio/transcriptions", data=asked, files=upload)).json()
    assert verbose["language"] == english_name(said["language_code"])


@pytest.mark.parametrize("parts", [(tone(MUSIC_HZ, 0.01),), (np.zeros(16_000, np.float32),)])
async def test_audio_without_a_word_is_no_speech(server: httpx.AsyncClient, parts: tuple[Floats, ...]) -> None:
    upload = {"file": ("short.wav", recording(*parts))}
    reply = await server.post("/voice/stt", data={"engine": "ELEVEN"}, files=upload)
    assert (reply.status_code, reply.json()["message"]) == (422, "file")


async def test_one_word_has_a_language(server: httpx.AsyncClient) -> None:
    upload = {"file": ("word.wav", recording(tone(440, 0.4)))}
    said = (await server.post("/voice/stt", files=upload)).json()
    assert said["language_code"] in LANGUAGES
    assert 1 / 3 <= said["language_probability"] <= 1
    assert len(said["words"]) == 1
