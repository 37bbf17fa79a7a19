"""Transcripts of real recordings, which tell nothing personal but names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.analysis.redact import ALL, PiiType, find

pytestmark = pytest.mark.audio


def test_what_people_read_and_say_is_hardly_ever_taken_for_personal_data(shared_audio: Path) -> None:
    lines = (shared_audio / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {entry["text"] for entry in map(json.loads, lines) if entry.get("lang") == "en" and entry.get("text")}
    assert len(texts) > 100
    hits = [entity for text in texts for entity in find(text.split(), ALL - {PiiType.NAME})]
    assert len(hits) <= 2
