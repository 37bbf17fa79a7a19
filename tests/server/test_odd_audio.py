"""Every unusual, broken or speechless recording there is, to every dialect: never a 500, and on it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.audio

PATHS = {"telecomx": "/voice/stt", "phonexia_v1": "/api/v1/stt/file", "openai": "/v1/audio/transcriptions"}
HIGHEST_RATE_HZ = 384_000
REFUSED = {"telecomx": 404, "phonexia_v1": 422, "openai": 400}


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("folder", ["odd", "nonspeech"])
def test_every_recording_gets_a_transcript_or_the_vendors_error(
    server: httpx.Client, shared_audio: Path, dialect: str, folder: str
) -> None:
    manifest = (shared_audio / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    described: dict[str, dict[str, Any]] = {entry["file"]: entry for entry in map(json.loads, manifest)}
    for path in sorted((shared_audio / folder).iterdir()):
        entry = described[f"{folder}/{path.name}"]
        data = {"model": "whisper-1"} if dialect == "openai" else {}
        reply = server.post(PATHS[dialect], data=data, files={"file": (path.name, path.read_bytes())})
        usable = entry.get("decodes", True) and not entry.get("headerless")
        usable = usable and (entry.get("sample_rate") or 0) <= HIGHEST_RATE_HZ
        allowed = {200} if usable else {REFUSED[dialect]}
        allowed |= {422} if dialect == "telecomx" and usable else set()  # no speech
        assert reply.status_code in allowed, (path.name, reply.status_code, reply.text[:200])
