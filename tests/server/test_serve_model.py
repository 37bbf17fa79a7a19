"""The server with the embedded recogniser, as a person meets it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.model

SERVE = "import sys; from dragoman.server.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What a server said until it was ready; it runs until the last test."""
    environment = {**os.environ, "DRAGOMAN_SPOOL_DIR": str(tmp_path_factory.mktemp("spool"))}
    command = [sys.executable, "-c", SERVE, "serve", "--port", "0", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line.strip())
                if line.startswith("Ready"):
                    break
            yield lines
        finally:
            process.terminate()


@pytest.fixture
def url(printed: list[str]) -> str:
    return next(word.rstrip(".") for word in " ".join(printed).split() if word.startswith("http://"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_printed_lines_recognise_the_sample_recording(printed: list[str]) -> None:
    """Of every dialect that has recordings; the fourth has live streams alone, and lists its vocabularies."""
    lines = [line for line in printed if line.startswith("curl ")]
    outputs = [subprocess.run(line, shell=True, capture_output=True, text=True, check=True).stdout for line in lines]
    assert ["foolishness" in output for output in outputs] == [True, True, True, False, True, True]
    assert json.loads(outputs[3]) == {"Vocabularies": []}


def test_a_client_that_leaves_frees_its_instance_at_once(
    url: str, sample: Callable[[str], Path], tmp_path: Path
) -> None:
    """The recording takes far longer to recognise than the client waits."""
    long = tmp_path / "long.wav"
    with wave.open(str(sample("two_cities"))) as once, wave.open(str(long), "wb") as many:
        many.setparams(once.getparams())
        frames = once.readframes(once.getnframes())
        for _ in range(60):
            many.writeframes(frames)
    with httpx.Client(base_url=url) as client:

        def busy() -> int:
            result = client.get("/api/v1/technologies").json()["result"]
            count: int = result["technologies"][0]["models"][0]["n_busy_instancies"]
            return count

        with long.open("rb") as file, pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/api/v1/stt/file", files={"file": file}, timeout=httpx.Timeout(30, read=1))
        left = time.monotonic()
        while busy():
            assert time.monotonic() - left < 1
        assert client.get("/readyz").status_code == 200
