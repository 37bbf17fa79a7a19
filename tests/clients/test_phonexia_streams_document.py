"""The program in Phonexia's own document, with nothing changed but the address."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import textwrap
import wave
from pathlib import Path

import pytest

pytestmark = pytest.mark.audio

DOCUMENT = Path(__file__).parents[3] / "shared" / "specs" / "phonexia-cloud-v1.txt"
PHONEMES = {"d Z a m i": "dZ V m i:", "d i z e n t u": "d I z E n t u:"}
"""Of the document's Czech model → of English."""


def program() -> str:
    text = DOCUMENT.read_text(encoding="utf-8")
    start = text.index("import json", text.index("Full example"))
    code = text[start : text.index("asyncio.run(example())", start)] + "asyncio.run(example())\n"
    return textwrap.dedent(code)


@pytest.mark.parametrize("pronunciations", [{}, PHONEMES], ids=["of the document", "of English"])
def test_the_program_of_the_document_prints_results(
    live_server: str, spoken_pcm: bytes, tmp_path: Path, pronunciations: dict[str, str]
) -> None:
    code = program().replace("ADDRESS", live_server)
    for of_document, ours in pronunciations.items():
        code = code.replace(of_document, ours)
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    with wave.open(str(tmp_path / "test.wav"), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(spoken_pcm)
    command = [sys.executable, "-W", "ignore", "example.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert messages[0]["status"] == "connected"
    assert {message["status"] for message in messages[1:]} == {"result"}
    last = messages[-1]["result"]
    assert last["is_last"]
    assert last["transcription"][0]["text"]
    assert [phrase["phrase"] for phrase in last["phrases"]] == ["disentu"]
    warnings = [each["warning_message"] for word in last["dictionary"] for each in word["pronunciations"]]
    assert any(warnings) is not bool(pronunciations)


def test_the_document_is_a_program() -> None:
    ast.parse(program())
