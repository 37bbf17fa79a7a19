"""AWS's other SDKs for streams, as they are, over TLS with verified signatures. They are not among the dependencies:

``AWS_SDK_JS``      a folder with ``npm install @aws-sdk/client-transcribe-streaming``
``AWS_SDK_PYTHON``  a Python 3.12 with ``pip install aws-sdk-transcribe-streaming smithy-http[awscrt]``
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amazon_server import KEY, Served, serving

pytestmark = pytest.mark.client

HERE = Path(__file__).parent
RATE = 16_000
TIMEOUT_S = 60
Transcribe = Callable[..., Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("server"), "--engine", "fake") as served:
        yield served


def command(sdk: str) -> list[str]:
    match sdk, os.environ.get("AWS_SDK_JS"), os.environ.get("AWS_SDK_PYTHON"):
        case "javascript", str(folder), _:
            return ["node", str(HERE / "transcribe_stream.mjs"), folder]
        case "python", _, str(interpreter):
            return [interpreter, str(HERE / "transcribe_stream.py")]
    pytest.skip(f"needs the SDK for {sdk}")


@pytest.fixture(params=["javascript", "python"])
def transcribe(request: pytest.FixtureRequest, tmp_path: Path) -> Transcribe:
    """Streams two seconds. Options are by their names in JavaScript."""
    starting = command(request.param)
    server: Served = request.getfixturevalue("server")
    audio = tmp_path / "audio"
    audio.write_bytes(random.Random(1).randbytes(2 * RATE * 2))

    def run(secret: str = KEY.secret, **options: Any) -> Any:
        if request.param == "python":
            options = {"".join(f"_{c.lower()}" if c.isupper() else c for c in k)[1:]: v for k, v in options.items()}
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": KEY.access_key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "NODE_EXTRA_CA_CERTS": server.authority,
            "PYTHONPATH": "",
        }
        done = subprocess.run(
            [*starting, server.url, str(RATE), str(audio), json.dumps(options)],
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
    finals = [result["Alternatives"][0]["Transcript"] for result in heard["results"] if not result["IsPartial"]]
    assert len(" ".join(finals).split()) >= 3


def test_what_is_wrong_has_its_class(transcribe: Transcribe) -> None:
    name, message = transcribe(VocabularyName="missing")["error"]
    assert name == "BadRequestException"
    assert "vocabulary-name" in message


def test_a_wrong_secret_is_refused(transcribe: Transcribe) -> None:
    heard = transcribe("another-secret-that-is-long-enough")
    assert heard["error"]
    assert heard["results"] == []
