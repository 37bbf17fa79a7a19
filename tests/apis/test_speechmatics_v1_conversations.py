"""Golden conversations of Speechmatics: jobs from their submission to their end, each with the document or the client
that it comes from.

A file in ``cases/speechmatics_v1/jobs`` is JSON:

``source``        document and section, or the public client, that the conversation follows
``settings``      differences from the defaults
``transcript``    what the recogniser hears (see ``heard.transcript``), or
``error``         ``code`` and ``message`` of what it says instead
``conversation``  one after the other: a request with ``method``, ``path``, and what is sent: ``fields`` (a list of name
                  and value), ``file`` (field, name and, unless it is short, content), then ``status``, and ``json`` or
                  ``text`` of the reply; or ``{"release": true}``: until then the recogniser did nothing, and now the
                  job ends

What is new every time is written as a word of ``ANY``.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from dragoman.core.errors import by_code
from dragoman.server.settings import load_settings
from heard import transcript
from scripted import ScriptedPool, application, client, script

pytestmark = pytest.mark.golden

FILES = sorted((Path(__file__).parent / "cases/speechmatics_v1/jobs").glob("*.json"))
DAY, MONTH = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"


def matches(pattern: str) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, str) and re.fullmatch(pattern, found) is not None


ANY: dict[str, Callable[[Any], bool]] = {
    "<RFC 1123>": matches(rf"{DAY}, \d\d {MONTH} \d{{4}} \d\d:\d\d:\d\d GMT"),
    "<asctime>": matches(rf"{DAY} {MONTH} [ \d]\d \d\d:\d\d:\d\d \d{{4}}"),
    "<ISO 8601>": matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "<seconds>": lambda found: isinstance(found, int) and 0 < found < 3600,
    "<Unix time>": lambda found: isinstance(found, int) and found > 1_700_000_000,
    "<text>": lambda found: isinstance(found, str) and bool(found),
}


def known(expected: Any, found: Any) -> Any:
    """What was found, with the words of ``ANY`` where they were expected and fit."""
    match expected, found:
        case dict(), dict():
            return {name: known(expected.get(name), value) for name, value in found.items()}
        case list(), list() if len(expected) == len(found):
            return list(map(known, expected, found))
        case str(), _ if expected in ANY and ANY[expected](found):
            return expected
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_conversation_is_the_documented_one(file: Path, tmp_path: Path) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    assert case["source"]
    ours = {
        "spool_dir": tmp_path,
        "state_dir": tmp_path,
        "rate_limit": "none",
    }  # it is asked often whether a job is done
    settings = load_settings({**ours, **case.get("settings", {})}, environ={})
    released = asyncio.Event()
    ending = [by_code(**case["error"])] if "error" in case else script(transcript(case.get("transcript")))
    app = application(settings, ScriptedPool([released, *ending]))
    async with client(app) as connected:
        for exchange in case["conversation"]:
            if "release" in exchange:
                released.set()
                await ended(connected)
            else:
                await exchanged(connected, exchange)
        released.set()


async def ended(connected: httpx.AsyncClient) -> None:
    """Until the newest job is neither waiting nor running."""
    async with asyncio.timeout(20):
        while (await connected.get("/v1/user/1/jobs/")).json()["jobs"][0]["job_status"] == "transcribing":
            pass


async def exchanged(connected: httpx.AsyncClient, exchange: dict[str, Any]) -> None:
    files: list[tuple[str, Any]] = [(name, (None, value)) for name, value in exchange.get("fields", [])]
    if "file" in exchange:
        field, name, *content = exchange["file"]
        files.append((field, (name, (content or ["audio"])[0].encode())))
    reply = await connected.request(exchange["method"], exchange["path"], files=files or None)
    if "json" in exchange:
        assert known(exchange["json"], reply.json()) == exchange["json"]
        assert reply.headers["content-type"] == "application/json"
    else:
        assert reply.text == exchange["text"]
        assert reply.headers["content-type"] == exchange.get("content_type", "text/plain; charset=utf-8")
    assert reply.status_code == exchange["status"]
