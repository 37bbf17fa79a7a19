"""Golden cases: a request and what the recogniser hears → the exact reply, each with the document it comes from.

A case file is JSON:

``source``     document and section that the case follows
``request``    ``method``, ``path``, and what is sent: ``fields`` (a list of name and value), ``file`` (its name),
               ``headers``; or ``json``, the body
``settings``   differences from the defaults
``phrases``    false: the recogniser cannot prefer phrases
``diarizes``   false: it cannot tell speakers apart
``languages``  those of the recogniser
``others``     further models of the profiles: a list of name and languages; they cannot prefer phrases
``faults``     profiles that cannot be used, and why
``transcript`` what the recogniser hears: ``text`` per segment with word times (see ``heard.transcript``)
``reply``      ``status``, and ``json`` or ``text``, with ``content_type``

``known_gaps.json`` names cases that fail, and why.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.core.capabilities import Capabilities
from dragoman.server.settings import Settings, load_settings
from heard import transcript
from scripted import ScriptedPool, application, client, script

pytestmark = pytest.mark.golden

CASES = Path(__file__).parent / "cases"
GAPS: dict[str, str] = json.loads((CASES / "known_gaps.json").read_text(encoding="utf-8"))
FILES = sorted(CASES.glob("*/*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_the_reply_is_the_documented_one(file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    name = f"{file.parent.name}/{file.stem}"
    if name in GAPS:
        request.applymarker(pytest.mark.xfail(reason=GAPS[name], strict=True))
    case = json.loads(file.read_text(encoding="utf-8"))
    assert case["source"]
    asked = case["request"]
    languages = tuple(case.get("languages", ["en"]))
    settings: Settings = load_settings(
        {"spool_dir": tmp_path, "state_dir": tmp_path, **case.get("settings", {})}, environ={}
    )
    pool = ScriptedPool(script(transcript(case.get("transcript"))), languages)
    pool.phrases = case.get("phrases", True)
    pool.diarizes = case.get("diarizes", True)
    pool.others = tuple(Capabilities(name, "3", tuple(known)) for name, known in case.get("others", []))
    pool.faults = case.get("faults", {})
    app = application(settings, pool)
    files: list[tuple[str, Any]] = [(field, (None, value.encode())) for field, value in asked.get("fields", [])]
    files += [("file", (filename, b"audio")) for filename in asked.get("files", [])]
    async with client(app) as connected:
        reply = await connected.request(
            asked["method"],
            asked["path"],
            files=files or None,
            json=asked.get("json"),
            headers=asked.get("headers"),
        )
    expected = case["reply"]
    assert reply.status_code == expected["status"]
    if "json" in expected:
        assert reply.headers["content-type"] == expected.get("content_type", "application/json")
        assert msgspec.json.decode(reply.content) == expected["json"]
    else:
        assert reply.text == expected["text"]
        assert reply.headers["content-type"] == expected["content_type"]


def test_every_known_gap_is_a_case() -> None:
    assert set(GAPS) <= {f"{file.parent.name}/{file.stem}" for file in FILES}


def test_every_dialect_has_cases() -> None:
    dialects = {path.parent.name for path in (Path(__file__).parents[2] / "src/dragoman/apis").glob("*/routes.py")}
    assert {file.parent.name for file in FILES} == dialects
