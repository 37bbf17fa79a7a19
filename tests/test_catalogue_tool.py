"""What ``tools/catalogue.py`` writes is a catalogue, and true."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.service.model_catalogue import read_catalogue
from file_server import serving

pytestmark = pytest.mark.unit

TOOL = Path(__file__).parents[1] / "tools" / "catalogue.py"
FILES = {"1.0/model.bin": b"weights", "1.0/words/tokens.txt": b"tokens"}
ABOUT = (
    "--name",
    "ours",
    "--engine",
    "sherpa",
    "--kind",
    "sense_voice",
    "--licence",
    "MIT",
    "--source",
    "https://e.org",
)


def entry(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, TOOL, *ABOUT, "--language", "de", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_entries_are_measured_on_what_is_downloaded_or_brought(tmp_path: Path) -> None:
    with serving(FILES) as server:
        urls, below = [server.url(path) for path in FILES], server.url("1.0/")
        fetched = entry("--below", below, *urls)
    for path, data in FILES.items():
        target = tmp_path / path.removeprefix("1.0/")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data)
    brought = entry("--below", below, "--folder", tmp_path, *urls)
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert brought.stdout == fetched.stdout
    model = read_catalogue(fetched.stdout, "written")["ours"]
    assert [(f"1.0/{file.path}", file.size, file.sha256, file.url) for file in model.files] == [
        (path, len(data), hashlib.sha256(data).hexdigest(), url)
        for (path, data), url in zip(FILES.items(), urls, strict=True)
    ]


def test_what_cannot_be_an_entry_is_said_and_not_written() -> None:
    refused = entry("http://models.example/1.0/model.bin")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "https" in refused.stderr
