"""Clients of the two APIs with jobs, as lightly as they can be: what they send is prepared beforehand."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

now = time.perf_counter

SPEECHMATICS: Final = "/v1.0/user/1/jobs"
PHONEXIA: Final = "/api/technology/speech-to-text"
_BOUNDARY: Final = "benchmark"
_CONFIG: Final = json.dumps({"type": "transcription", "transcription_config": {"language": "en"}})
_PIECE: Final = 1 << 20


class Client:
    """Of a server, with a key where one is needed."""

    def __init__(self, address: str, key: str | None = None) -> None:
        url = urlsplit(address)
        self._host, self._port = url.hostname, url.port
        self._common = f"Host: {self._host}:{self._port}\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "")

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            yield Connection(reader, writer, self._common)
        finally:
            writer.close()


class Connection:
    """One request after the other. ``common``: the headers that all of them have."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, common: str) -> None:
        self._reader = reader
        self._writer = writer
        self._common = common

    async def get(self, path: str) -> tuple[int, bytes]:
        self._writer.write(f"GET {path} HTTP/1.1\r\n{self._common}\r\n".encode())
        return await self._reply()

    async def submit(self, form: Form) -> tuple[int, bytes]:
        self._writer.write(
            f"POST {form.path} HTTP/1.1\r\n{self._common}Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
            f"Content-Length: {form.size}\r\n\r\n".encode()
        )
        for piece in form.pieces():
            self._writer.write(piece)
            await self._writer.drain()
        return await self._reply()

    async def _reply(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return int(head[9:12]), await self._reader.readexactly(length)


class Form:
    """A job to hand in: a file of ``size`` bytes, which ``content`` makes each time it is sent."""

    def __init__(self, dialect: str, size: int, content: Callable[[], Iterable[bytes]]) -> None:
        if dialect == "speechmatics_v1":
            self.path, field, fields = f"{SPEECHMATICS}/", "data_file", {"config": _CONFIG}
        else:
            self.path, field, fields = f"{PHONEXIA}?language=en-US", "file", {}
        head = "".join(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
            for name, text in fields.items()
        )
        head += f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="speech.wav"\r\n\r\n'
        self._head, self._tail = head.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()
        self._content = content
        self.size = len(self._head) + size + len(self._tail)

    @classmethod
    def of(cls, dialect: str, data: bytes) -> Form:
        return cls(dialect, len(data), lambda: [data])

    def pieces(self) -> Iterator[bytes]:
        yield self._head
        yield from self._content()
        yield self._tail


def address_of(reply: bytes) -> str:
    """Where a job that was accepted is asked for."""
    taken = json.loads(reply)
    return f"{SPEECHMATICS}/{taken['id']}/" if "id" in taken else f"{PHONEXIA}/{taken['task']['task_id']}"


def has_ended(reply: bytes) -> bool:
    told = json.loads(reply)
    state = told["job"]["job_status"] if "job" in told else told["task"]["state"]
    return state not in ("transcribing", "pending", "running")


async def submit_all(address: str, forms: Sequence[Form], connections: int) -> tuple[list[str], list[float]]:
    """Shared among so many connections: where each job is asked for, and the seconds each took to be accepted."""
    waiting = iter(forms)
    jobs: list[str] = []
    took_s: list[float] = []

    async def client() -> None:
        async with Client(address).connection() as connection:
            for form in waiting:
                began = now()
                status, reply = await connection.submit(form)
                took_s.append(now() - began)
                if status not in (200, 202):
                    raise RuntimeError(f"not accepted: {status} {reply[:200]!r}")
                jobs.append(address_of(reply))

    await _together(client for _ in range(connections))
    return jobs, took_s


async def poll(address: str, jobs: Sequence[str], a_second: float, connections: int) -> list[float]:
    """Ask for each job once, so many a second: the seconds from when a poll was due to its answer."""
    began = now()
    due = iter([(began + number / a_second, path) for number, path in enumerate(jobs)])
    took_s: list[float] = []

    async def client() -> None:
        async with Client(address).connection() as connection:
            for at, path in due:
                await asyncio.sleep(at - now())
                status, reply = await connection.get(path)
                took_s.append(now() - at)
                if status != 200:
                    raise RuntimeError(f"no answer to a poll: {status} {reply[:200]!r}")

    await _together(client for _ in range(connections))
    return took_s


async def until_ended(connection: Connection, path: str, pause_s: float = 0.05) -> float:
    """The moment at which a job is seen to have ended."""
    while True:
        _, reply = await connection.get(path)
        if has_ended(reply):
            return now()
        await asyncio.sleep(pause_s)


def zeros(size: int) -> Iterator[bytes]:
    """So many bytes that are no audio, never all in memory."""
    piece = bytes(_PIECE)
    for _ in range(size // _PIECE):
        yield piece
    yield piece[: size % _PIECE]


async def _together(clients: Iterable[Callable[[], Awaitable[None]]]) -> None:
    await asyncio.gather(*(client() for client in clients))
