"""What ``make test-clients`` installs: vendors' SDKs that are not among the dependencies, and Node to run them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / ".cache" / "clients"


def _installed(program: str) -> str:
    if not (FOLDER / "stamp").is_file():
        pytest.skip("`make test-clients` installs what this needs")
    return str(FOLDER / "bin" / program)


def node() -> str:
    return _installed("node")


def python() -> str:
    """An interpreter that has ``aws-sdk-transcribe-streaming``."""
    interpreter = _installed("python")
    if subprocess.run(
        [interpreter, "-c", "import aws_sdk_transcribe_streaming"], capture_output=True, check=False
    ).returncode:
        pytest.skip("aws-sdk-transcribe-streaming needs Python 3.12, which `make test-clients` did not find here")
    return interpreter
