"""A word of a real recording changes by a dictionary entry, and nothing else does: file endpoint and command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from command import Dragoman
from dragoman.server.app import build_app
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import load_settings
from scripted import serving

pytestmark = pytest.mark.model

SPELLING = "Phayl"
PHONEMES = "f eI l"
"""As "fail" sounds, which the recording has twice, beside "failed" once."""


def renamed(text: str) -> str:
    return text.replace("fail ", f"{SPELLING} ")


def test_on_the_command_line(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    dragoman = Dragoman(tmp_path, engine="moonshine")
    dictionary = tmp_path / "dictionary.txt"

    def transcribe(*options: str | Path) -> dict[str, Any]:
        result = dragoman("transcribe", "--workers", "1", "--format", "json", *options, sample("beckett"))
        assert (result.returncode, result.stderr) == (0, "")
        return json.loads(result.stdout)  # type: ignore[no-any-return]

    plain = transcribe()
    dictionary.write_text(f"{SPELLING}\t{PHONEMES}\nXuqbert\tz V k b @r t\n")
    changed = transcribe("--dictionary", dictionary)
    assert "fail again, fail better" in plain["text"]
    assert changed["text"] == renamed(plain["text"]) != plain["text"]
    before, after = ([word for segment in read["segments"] for word in segment["words"]] for read in (plain, changed))
    for old, new in zip(before, after, strict=True):
        assert abs(old["start_ms"] - new["start_ms"]) <= 50
        assert abs(old["end_ms"] - new["end_ms"]) <= 50
        assert old == new or old["text"] in ("fail", "fail,")


async def test_in_the_file_endpoint(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    settings = load_settings({"workers": 1, "spool_dir": tmp_path}, environ={})
    dictionary = [{"word": SPELLING, "pronunciations": [{"phonemes": PHONEMES}]}]
    preferred = {"preferred_phrases": {"dictionary": dictionary}}
    recording = ("beckett.wav", sample("beckett").read_bytes())

    async with (
        serving(build_app(settings, build_recognition(settings)), settings) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):

        async def transcribe(**fields: str) -> dict[str, Any]:
            parts = {name: (None, value) for name, value in fields.items()}
            reply = await client.post("/api/v1/stt/file", files={"file": recording, **parts})
            assert reply.status_code == 200
            return reply.json()["result"]  # type: ignore[no-any-return]

        plain = await transcribe()
        changed = await transcribe(preferred_phrases=json.dumps(preferred))
    (before,), (after,) = plain["transcription"], changed["transcription"]
    assert after["text"] == renamed(before["text"]) != before["text"]
    said = [[item["word"] for item in result["segmentation"]] for result in (plain, changed)]
    assert said[1] == [SPELLING.lower() if word == "fail" else word for word in said[0]]
    assert [word["word"] for word in changed["dictionary"]] == [SPELLING]
    assert "dictionary" not in plain
