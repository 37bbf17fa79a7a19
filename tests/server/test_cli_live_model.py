"""Live recognition on the command line with the real recogniser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from command import Dragoman

pytestmark = pytest.mark.model


def test_what_is_said_in_a_played_recording_is_written(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    result = Dragoman(tmp_path, engine="moonshine")("stream", "--speed", "8", sample("two_cities"))
    assert (result.returncode, result.stderr) == (0, "")
    said = " ".join(re.findall(r"[a-z']+", result.stdout.lower()))
    assert "it was the best of times it was the worst of times" in said
    assert "the age of wisdom" in said
    assert len(result.stdout.splitlines()) > 2
