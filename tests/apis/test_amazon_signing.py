"""Who may call: requests and URLs signed by Signature Version 4, against the whole application."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection

from dragoman.apis.amazon_transcribe import signing
from dragoman.codecs.sigv4 import UNSIGNED_PAYLOAD, Reason, Request, SignatureRefused
from dragoman.server.settings import Settings
from dragoman.service.auth import ANONYMOUS, Authenticator, Identity
from scripted import ScriptedPool, application, client
from sigv4_client import Client

pytestmark = pytest.mark.unit

SECRET = "a-secret-that-is-long-enough"
ALICE = Client("alice", SECRET)
CALL = b'{"VocabularyFilterName": "rude", "LanguageCode": "en-US", "Words": ["darn"]}'
MINUTE_MS = 60_000


def now_ms() -> int:
    return int(time.time() * 1000)


@asynccontextmanager
async def server(folder: Path, *, keys: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    file = folder / "keys"
    file.write_text(f"alice {SECRET}\nbob another-secret-that-is-long-enough\n")
    file.chmod(0o600)
    settings = Settings(spool_dir=folder, state_dir=folder, keys_file=file if keys else None)
    async with client(application(settings, ScriptedPool())) as connected:
        yield connected


def call(name: str = "CreateVocabularyFilter", body: bytes = CALL) -> tuple[Request, bytes]:
    headers = [(b"host", b"test"), (b"x-amz-target", f"Transcribe.{name}".encode())]
    return Request("POST", b"/", b"", headers), body


async def send(connected: httpx.AsyncClient, request: Request, body: bytes = b"") -> httpx.Response:
    url = f"http://test{request.path.decode()}" + (f"?{request.query.decode()}" if request.query else "")
    return await connected.request(request.method, url, headers=list(request.headers), content=body)


def signed(by: Client = ALICE, at_ms: int | None = None, **more: Any) -> tuple[Request, bytes]:
    request, body = call()
    return by.sign(request, at_ms or now_ms(), body_hash=sha256(body).hexdigest(), **more), body


def refusal(reply: httpx.Response) -> str:
    assert reply.status_code == 403
    assert reply.headers["x-amzn-errortype"] == reply.json()["__type"]
    assert reply.json()["Message"]
    assert SECRET not in reply.text
    return str(reply.json()["__type"])


async def test_who_knows_the_secret_is_served(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dragoman.access")
    async with server(tmp_path) as connected:
        assert (await send(connected, *signed())).status_code == 200
    (record,) = caplog.records
    assert record.facts["key"] == "alice"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("by", "name"),
    [
        (replace(ALICE, secret="another-secret-that-is-long-enough"), "InvalidSignatureException"),
        (replace(ALICE, access_key="mallory"), "UnrecognizedClientException"),
        (replace(ALICE, access_key="bob"), "InvalidSignatureException"),
        (replace(ALICE, service="s3"), "InvalidSignatureException"),
    ],
)
async def test_who_does_not_is_not(tmp_path: Path, by: Client, name: str) -> None:
    async with server(tmp_path) as connected:
        assert refusal(await send(connected, *signed(by))) == name
        listed = await send(connected, *signed_call("ListVocabularyFilters", b"{}"))
    assert listed.json() == {"VocabularyFilters": []}


def signed_call(name: str, body: bytes) -> tuple[Request, bytes]:
    request, body = call(name, body)
    return ALICE.sign(request, now_ms(), body_hash=sha256(body).hexdigest()), body


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "nowhere"])
async def test_any_region_will_do(tmp_path: Path, region: str) -> None:
    async with server(tmp_path) as connected:
        assert (await send(connected, *signed(replace(ALICE, region=region)))).status_code == 200


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_wrong_clock_is_named(tmp_path: Path, minutes: int) -> None:
    async with server(tmp_path) as connected:
        reply = await send(connected, *signed(at_ms=now_ms() + minutes * MINUTE_MS))
        assert refusal(reply) == "InvalidSignatureException"
        assert "clocks" in reply.json()["Message"]
        assert (await send(connected, *signed(at_ms=now_ms() + minutes // 2 * MINUTE_MS))).status_code == 200


async def test_nothing_may_be_changed_on_the_way(tmp_path: Path) -> None:
    request, body = signed()
    target = (b"x-amz-target", b"Transcribe.DeleteVocabularyFilter")
    changed = [
        (request, body + b" "),
        (replace(request, query=b"a=b"), body),
        (replace(request, headers=[target if name == target[0] else (name, v) for name, v in request.headers]), body),
    ]
    async with server(tmp_path) as connected:
        for attempt in changed:
            assert refusal(await send(connected, *attempt)) == "InvalidSignatureException"


async def test_the_body_is_covered_where_the_client_said_so(tmp_path: Path) -> None:
    """Without the header ``x-amz-content-sha256`` the hash of the body is part of what is signed."""
    request, body = call()
    async with server(tmp_path) as connected:
        reply = await send(connected, ALICE.sign(request, now_ms()), body)
        assert refusal(reply) == "InvalidSignatureException"


async def test_a_session_token_is_taken_when_it_is_signed(tmp_path: Path) -> None:
    by = replace(ALICE, session_token="a token")
    async with server(tmp_path) as connected:
        assert (await send(connected, *signed(by))).status_code == 200
        unsigned = await send(connected, *signed(by, leave_out=["x-amz-security-token"]))
        assert refusal(unsigned) == "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=alice"}, "IncompleteSignatureException"),
        ({"authorization": "Basic YWxpY2U6eA=="}, "IncompleteSignatureException"),
        ({"authorization": "Bearer wrong"}, "AccessDeniedException"),
        ({"x-api-key": "wrong"}, "AccessDeniedException"),
    ],
)
async def test_what_is_no_signature_is_refused(tmp_path: Path, headers: dict[str, str], name: str) -> None:
    request, body = call()
    async with server(tmp_path) as connected:
        more = [(key.encode(), value.encode()) for key, value in headers.items()]
        assert refusal(await send(connected, replace(request, headers=[*request.headers, *more]), body)) == name


@pytest.mark.parametrize("header", [(b"authorization", f"Bearer {SECRET}".encode()), (b"x-api-key", SECRET.encode())])
async def test_the_secret_itself_may_be_shown(tmp_path: Path, header: tuple[bytes, bytes]) -> None:
    request, body = call()
    async with server(tmp_path) as connected:
        reply = await send(connected, replace(request, headers=[*request.headers, header]), body)
        assert reply.status_code == 200


async def test_without_keys_any_credentials_pass(tmp_path: Path) -> None:
    async with server(tmp_path, keys=False) as connected:
        request, body = signed(replace(ALICE, access_key="mallory", secret="wrong"))
        assert (await send(connected, request, body)).status_code == 200
        request, body = call("ListVocabularyFilters", b"{}")
        assert (await send(connected, request, body)).status_code == 200


async def test_an_address_that_we_gave_opens_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    async with server(tmp_path) as connected:
        await send(connected, *signed())
        described = await send(connected, *signed_call("GetVocabularyFilter", b'{"VocabularyFilterName": "rude"}'))
        address = described.json()["DownloadUri"]
        fetched = await connected.get(address)
        assert (fetched.status_code, fetched.text) == (200, "darn\n")
        for other in (
            address.partition("?")[0],
            address.replace("/rude?", "/rude2?"),
            address.replace("vocabulary-filters", "vocabularies"),
            address.replace("alice", "bob"),
            address.replace("X-Amz-Expires=900", "X-Amz-Expires=901"),
        ):
            refusal(await connected.get(other))


async def test_an_address_ends_with_the_key_it_was_made_with(tmp_path: Path) -> None:
    async with server(tmp_path) as connected:
        await send(connected, *signed())
        described = await send(connected, *signed_call("GetVocabularyFilter", b'{"VocabularyFilterName": "rude"}'))
    (tmp_path / "other").mkdir()
    settings_file = tmp_path / "keys"
    settings_file.write_text("bob another-secret-that-is-long-enough\n")
    settings = Settings(spool_dir=tmp_path, state_dir=tmp_path, keys_file=settings_file)
    async with client(application(settings, ScriptedPool())) as connected:
        assert refusal(await connected.get(described.json()["DownloadUri"])) == "UnrecognizedClientException"


def connection(request: Request, kind: str = "http") -> HTTPConnection:
    scope = {
        "type": kind,
        "path": request.path.decode(),
        "raw_path": request.path,
        "query_string": request.query,
        "headers": [(name.lower(), value) for name, value in request.headers],
    }
    if kind == "http":
        scope["method"] = request.method
    return HTTPConnection(scope)


KEYS = Authenticator({"alice": SECRET})
OPENING = Request("GET", b"/stream-transcription-websocket", b"language-code=en-US", [(b"host", b"localhost:8443")])


def test_a_websocket_is_opened_with_a_presigned_url() -> None:
    at_ms = now_ms()
    checked = signing.check(connection(ALICE.presign(OPENING, at_ms), "websocket"), KEYS, at_ms + 59_000)
    assert checked.identity == Identity("alice")
    assert checked.secret == SECRET
    assert checked.signature is not None
    assert checked.signature.access_key == "alice"


@pytest.mark.parametrize(
    ("lifetime_s", "late_ms", "reason"), [(60, 61_000, Reason.EXPIRED), (301, 0, Reason.MALFORMED)]
)
def test_a_presigned_url_is_good_for_a_while(lifetime_s: int, late_ms: int, reason: Reason) -> None:
    at_ms = now_ms()
    presigned = connection(ALICE.presign(OPENING, at_ms, lifetime_s), "websocket")
    with pytest.raises(SignatureRefused) as refused:
        signing.check(presigned, KEYS, at_ms + late_ms, max_lifetime_ms=300_000)
    assert refused.value.reason is reason


def test_a_stream_is_opened_before_its_body_is_known() -> None:
    at_ms = now_ms()
    opening = replace(OPENING, method="POST", path=b"/stream-transcription", query=b"")
    checked = signing.check(connection(ALICE.sign(opening, at_ms)), KEYS, at_ms)
    assert (checked.identity, checked.secret) == (Identity("alice"), SECRET)
    hashed = replace(opening, headers=[*opening.headers, (b"x-amz-content-sha256", UNSIGNED_PAYLOAD.encode())])
    again = signing.check(connection(ALICE.sign(hashed, at_ms, body_hash=UNSIGNED_PAYLOAD)), KEYS, at_ms)
    assert again.identity == Identity("alice")


def test_without_keys_there_is_nothing_to_verify_messages_with() -> None:
    checked = signing.check(connection(ALICE.presign(OPENING, now_ms()), "websocket"), Authenticator(), now_ms())
    assert (checked.identity, checked.signature, checked.secret) == (ANONYMOUS, None, None)
