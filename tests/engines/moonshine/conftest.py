from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folder() -> Path:
    """The model's files."""
    spec = importlib.util.find_spec("moonshine_voice")
    assert spec is not None
    return Path(str(spec.origin)).parent / "assets" / "tiny-en"
