"""AWS's other SDKs for streams, as they are, over TLS with verified signatures: JavaScript on Node, and Python 3.12."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sdks
from amazon_server import KEY, STRANGERS, Served, check_two_cities
from sigv4_client import Client

pytestmark = pytest.mark.client

HERE = Path(__file__).parent
TIMEOUT_S = 60
Transcribe = Callable[..., Any]


@pytest.fixture(params=["javascript", "python"])
def transcribe(request: pytest.FixtureRequest, tmp_path: Path, two_cities_pcm: bytes) -> Transcribe:
    """Streams a recording. Options are by their names in JavaScript."""
    if request.param == "javascript":
        starting = [sdks.node(), str(HERE / "transcribe_on_node.mjs"), str(sdks.FOLDER)]
    else:
        starting = [sdks.python(), str(HERE / "transcribe_on_python.py")]
    server: Served = request.getfixturevalue("listening_server")
    audio = tmp_path / "audio"
    audio.write_bytes(two_cities_pcm)

    def run(key: Client = KEY, **options: Any) -> Any:
        if request.param == "python":
            options = {"".join(f"_{c.lower()}" if c.isupper() else c for c in k)[1:]: v for k, v in options.items()}
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": key.access_key,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "NODE_EXTRA_CA_CERTS": server.authority,
            "PYTHONPATH": "",
        }
        done = subprocess.run(
            [*starting, server.url, "16000", str(audio), json.dumps(options)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_speech_is_transcribed(transcribe: Transcribe) -> None:
    heard = transcribe(EnablePartialResultsStabilization=True, PartialResultsStability="medium")
    assert "error" not in heard
    assert heard["session"]
    assert heard["request"]
    check_two_cities(heard["results"])


def test_what_is_wrong_has_its_class(transcribe: Transcribe) -> None:
    name, message = transcribe(VocabularyName="missing")["error"]
    assert name == "BadRequestException"
    assert "vocabulary-name" in message


@pytest.mark.parametrize(("key", "code"), STRANGERS)
def test_who_does_not_know_the_secret_is_refused_by_the_names_of_the_service(
    transcribe: Transcribe, key: Client, code: str
) -> None:
    heard = transcribe(key)
    assert code in " ".join(heard["error"])
    assert heard["results"] == []
