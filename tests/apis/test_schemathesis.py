"""What Schemathesis makes of the OpenAPI documents: no request, right or wrong, gets a 5xx that is no refusal, or a
reply that its document does not describe.

Requests are sent to the whole application over a scripted recogniser. Ids in replies are used in later requests. Half
of the requests have none of the fields that are always refused, and the example where the document has one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dragoman.server.app import Application
from dragoman.server.settings import Settings
from dragoman.transport.base import Dialect
from scripted import ScriptedPool, application, client

pytestmark = pytest.mark.contract

EXAMPLES = 25
"""For each operation, of requests that its document allows and of those that it does not."""
REFUSALS = {501, 503, 507}
"""The only statuses from 500 on that say what the client may do."""
IDS = {"id": "job", "task_id": "task_id", "stream_id": "stream_id"}
"""Names in replies → names in paths."""
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FIRST = {
    "phonexia_4": ("/api/technology/speech-to-text?language=en", {"file": b"audio"}),
    "speechmatics_v1": ("/v1/user/1/jobs", {"data_file": b"audio", "model": (None, b"en")}),
}
"""Handed in before all else, so that there is a job that is done."""
DIALECTS = {dialect.name: dialect for dialect in application(Settings(), ScriptedPool()).dialects if dialect.openapi}


class Client:
    """Sends what Schemathesis made, from another thread than the application's."""

    def __init__(self, connected: httpx.AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self._connected = connected
        self._loop = loop
        self.ids: dict[str, list[Any]] = defaultdict(list)
        self.statuses: set[int] = set()

    def send(self, case: schemathesis.Case) -> httpx.Response:
        asked = requests.Request(**case.as_transport_kwargs(base_url="http://test")).prepare()
        body = asked.body.encode() if isinstance(asked.body, str) else asked.body
        request = httpx.Request(asked.method, asked.url, headers=dict(asked.headers), content=body)
        reply = asyncio.run_coroutine_threadsafe(self._connected.send(request), self._loop).result(timeout=30)
        self.note(reply)
        return reply

    def note(self, reply: httpx.Response) -> None:
        self.statuses.add(reply.status_code)
        if reply.is_success and reply.headers.get("content-type") == "application/json" and reply.content:
            for name, value in _pairs(reply.json()):
                if name in IDS and isinstance(value, str | int):
                    self.ids[IDS[name]].append(value)


def _pairs(content: Any) -> Iterator[tuple[str, Any]]:
    match content:
        case dict():
            for name, value in content.items():
                yield name, value
                yield from _pairs(value)
        case list():
            for value in content:
                yield from _pairs(value)


def provoke(document: dict[str, Any], sender: Client) -> None:
    schema = schemathesis.openapi.from_dict(document)
    load_all_checks()
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in sorted(operations, key=lambda operation: operation.method == "delete"):
        exchange(operation, GenerationMode.POSITIVE, sender)
        with suppress(Unsatisfiable):  # where nothing is sent, nothing can be wrong
            exchange(operation, GenerationMode.NEGATIVE, sender)


def exchange(operation: Any, mode: GenerationMode, sender: Client) -> None:
    raw = operation.definition.raw

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        known=st.none() | st.integers(0, 99),
        is_usual=st.booleans(),
    )
    def run(case: schemathesis.Case, known: int | None, is_usual: bool) -> None:
        for name in case.path_parameters or ():
            if known is not None and (ids := sender.ids.get(name)):
                case.path_parameters[name] = ids[known % len(ids)]
        if is_usual:
            parameters = {each["name"]: each for each in raw.get("parameters", ()) if each["in"] == "query"}
            case.query = usual(case.query, parameters)
            schema = raw.get("requestBody", {}).get("content", {}).get(case.media_type, {}).get("schema", {})
            case.body = usual(case.body, schema.get("properties", {}))
        reply = sender.send(case)
        assert reply.status_code < 500 or reply.status_code in REFUSALS, case.as_curl_command()
        case.validate_response(reply, checks=CHECKS)

    run()


def usual(sent: Any, described: dict[str, Any]) -> Any:
    """Without what is refused, and with the examples."""
    if not isinstance(sent, dict):
        return sent
    examples = {
        name: example
        for name, each in described.items()
        if (example := each.get("example", each.get("examples", [None])[0])) is not None
    }
    refused = {name for name, each in described.items() if str(each.get("description")).startswith("Refused.")}
    return {**{name: value for name, value in sent.items() if name not in refused}, **examples}


async def begun(connected: httpx.AsyncClient, path: str, form: dict[str, Any]) -> httpx.Response:
    """The reply to a job that has been done meanwhile."""
    reply = await connected.post(path, files=form)
    ((_, found), *_) = [pair for pair in _pairs(reply.json()) if pair[0] in IDS]
    async with asyncio.timeout(20):
        while "done" not in (await connected.get(f"{path.partition('?')[0]}/{found}")).text:
            await asyncio.sleep(0)
    return reply


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
async def test_every_reply_is_described_and_none_is_a_failure(dialect: Dialect, tmp_path: Path) -> None:
    assert dialect.openapi is not None
    pool = ScriptedPool()
    app: Application = application(
        Settings(spool_dir=tmp_path, state_dir=tmp_path, rate_limit="none", max_jobs_storage_mb=1_000), pool
    )
    async with client(app) as connected:
        sender = Client(connected, asyncio.get_running_loop())
        if dialect.name in FIRST:
            sender.note(await begun(connected, *FIRST[dialect.name]))
        await asyncio.to_thread(provoke, dialect.openapi(), sender)
    assert 200 in sender.statuses or 202 in sender.statuses
    assert any(400 <= status < 500 for status in sender.statuses)
