"""Over real sockets: replies reach clients that still send, departures are noticed, odd HTTP does no harm."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from dragoman.server.settings import Settings
from scripted import TRANSCRIPT, ScriptedPool, application, script, serving

pytestmark = pytest.mark.unit

MEGABYTE = 1 << 20
BOUNDARY = "frontier"
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'.encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
PATHS = {"/voice/stt": 404, "/api/v1/stt/file": 422, "/v1/audio/transcriptions": 413}
"""Where to upload, and the status for too large a body."""


def small(folder: Path) -> Settings:
    return Settings(spool_dir=folder, max_upload_mb=1)


async def post(url: str, path: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """What a client reads that sends all of its body before it reads anything."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    try:
        writer.write(request(path, *headers, f"content-length: {len(body) if length is None else length}") + body)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


def request(path: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: test", f"content-type: {TYPE}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def by_http_client(url: str, path: str, size: int) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("POST", path, body=HEAD + bytes(size) + TAIL, headers={"content-type": TYPE})
        return connection.getresponse().status
    finally:
        connection.close()


def by_http_client_in_chunks(url: str, path: str, size: int) -> int:
    def chunks() -> Iterator[bytes]:
        yield HEAD
        for _ in range(size // 65_536):
            yield bytes(65_536)
        yield TAIL

    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("POST", path, body=chunks(), headers={"content-type": TYPE}, encode_chunked=True)
        return connection.getresponse().status
    finally:
        connection.close()


def by_httpx(url: str, path: str, size: int) -> int:
    return httpx.post(url + path, files={"file": ("a.wav", bytes(size))}, timeout=30).status_code


@pytest.mark.parametrize("upload", [by_http_client, by_http_client_in_chunks, by_httpx])
async def test_a_client_that_sends_far_too_much_still_reads_why(
    tmp_path: Path, upload: Callable[[str, str, int], int]
) -> None:
    settings = small(tmp_path)
    async with serving(application(settings, ScriptedPool()), settings) as url:
        for path, status in {**PATHS, "/nowhere": 404}.items():
            assert await asyncio.to_thread(upload, url, path, 40 * MEGABYTE) == status
        assert await asyncio.to_thread(upload, url, "/voice/stt", 100_000) == 200


@pytest.mark.parametrize("upload", [by_http_client, by_http_client_in_chunks, by_httpx])
async def test_a_client_without_a_key_still_reads_why(tmp_path: Path, upload: Callable[[str, str, int], int]) -> None:
    keys = tmp_path / "keys"
    keys.write_text("alice a-secret-that-is-long-enough\n")
    keys.chmod(0o600)
    settings = Settings(spool_dir=tmp_path, keys_file=keys)
    pool = ScriptedPool()
    async with serving(application(settings, pool), settings) as url:
        for path, status in zip(PATHS, (403, 401, 401), strict=True):
            assert await asyncio.to_thread(upload, url, path, 20 * MEGABYTE) == status
    assert pool.media == []


async def test_a_client_that_asks_first_need_not_send_what_is_refused(tmp_path: Path) -> None:
    settings = small(tmp_path)
    async with serving(application(settings, ScriptedPool()), settings) as url:
        for path, status in PATHS.items():
            reply = await post(url, path, b"", "expect: 100-continue", length=2 * MEGABYTE)
            assert reply.startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_client_that_asks_first_is_told_to_go_on(tmp_path: Path) -> None:
    settings = small(tmp_path)
    body = HEAD + b"audio" + TAIL
    async with serving(application(settings, ScriptedPool()), settings) as url:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        writer.write(request("/voice/stt", "expect: 100-continue", f"content-length: {len(body)}", "connection: close"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()


@pytest.mark.parametrize("path", PATHS)
async def test_when_the_client_leaves_the_recognition_stops(tmp_path: Path, path: str) -> None:
    """And its instance and its file are free again."""
    settings = Settings(spool_dir=tmp_path, max_concurrent_files=1)
    pool = ScriptedPool([*script(TRANSCRIPT)[:1], asyncio.Event()])
    model = (
        b'--frontier\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n' if "/v1/a" in path else b""
    )
    body = model + HEAD + b"audio" + TAIL
    async with serving(application(settings, pool), settings) as url:
        for _ in range(3):
            _, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
            writer.write(request(path, f"content-length: {len(body)}") + body)
            await pool.entered.acquire()
            writer.close()
            await pool.left.acquire()
        assert pool.cancelled == 3
        await until(lambda: not any(path.exists() for path in pool.paths))


async def test_when_a_client_of_a_stream_leaves_the_recognition_stops(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, max_concurrent_files=1)
    pool = ScriptedPool([*script(TRANSCRIPT)[:2], asyncio.Event()])
    async with serving(application(settings, pool), settings) as url, httpx.AsyncClient() as client:
        data, files = {"model": "whisper-1", "stream": "true"}, {"file": ("a.wav", b"audio")}
        async with client.stream("POST", f"{url}/v1/audio/transcriptions", data=data, files=files) as reply:
            async for _ in reply.aiter_bytes():
                break
        await pool.left.acquire()
        assert pool.cancelled == 1


async def test_a_client_that_leaves_in_the_middle_of_its_upload_leaves_nothing(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path)
    pool = ScriptedPool()
    async with serving(application(settings, pool), settings) as url:
        _, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        writer.write(request("/voice/stt", "content-length: 10000000") + HEAD + bytes(3 * MEGABYTE))
        await writer.drain()
        await until(lambda: len(uploads(tmp_path)) == 1)
        writer.close()
        await until(lambda: not uploads(tmp_path))
    assert pool.media == []


def uploads(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/*") if path.name != "lock"]


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks work until it holds; what it looks at tells nobody when it changes."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("path", "status"), [("/voice/stt", 404), ("/api/v1/stt/file", 422), ("/v1/audio/transcriptions", 400)]
)
@pytest.mark.parametrize("body", [HEAD + b"audio", HEAD[:40], b"", HEAD + b"audio" + TAIL[:-6]])
async def test_an_upload_that_was_cut_short_is_told(tmp_path: Path, path: str, status: int, body: bytes) -> None:
    settings = small(tmp_path)
    async with serving(application(settings, ScriptedPool()), settings) as url:
        reply = await post(url, path, body, "connection: close")
    assert reply.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"cut short" in reply


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[tuple[str | None, int | None]]:
    settings = small(tmp_path)
    async with serving(application(settings, ScriptedPool()), settings) as url:
        yield urlsplit(url).hostname, urlsplit(url).port


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /voice/stt HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /voice/stt HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /voice/stt HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /healthz HTTP/1.1\r\nx: " + b"x" * 400_000,
        b"GET /" + b"x" * 400_000,
    ],
)
async def test_garbage_is_answered_or_cut_off_and_the_server_goes_on(
    address: tuple[str | None, int | None], garbage: bytes
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(garbage)
    try:
        reply = await reader.read()
    except ConnectionResetError:
        reply = b""
    assert reply == b"" or reply.startswith(b"HTTP/1.1 4")
    writer.close()
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_one_connection_serves_many_requests(address: tuple[str | None, int | None]) -> None:
    """Also after an error, and when they are sent before the replies are read."""
    body = HEAD + b"audio" + TAIL
    good = request("/voice/stt", f"content-length: {len(body)}") + body
    bad = request("/voice/stt", "content-length: 4") + b"oops"
    last = b"GET /healthz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection(*address)
    writer.write(good + bad + good + last)
    replies = (await reader.read()).split(b"HTTP/1.1 ")[1:]
    assert [reply[:3] for reply in replies] == [b"200", b"404", b"200", b"200"]
    assert msgspec.json.decode(replies[0].partition(b"\r\n\r\n")[2])["text"] == TRANSCRIPT.text
    writer.close()
