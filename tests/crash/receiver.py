"""Where callbacks go: a server on the loopback interface that is not always kind."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

_REFUSED = 0.15
_DROPPED = 0.1
_MOST_REFUSED = 3
"""Of the same news, so that it comes through while somebody waits for it."""
_LIMIT_S = 30


class Receiver:
    """``received``: the bodies by the id of their job, as often as they were answered with 200."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._server: asyncio.Server | None = None
        self.received: dict[int, list[bytes]] = defaultdict(list)
        self.refused: Counter[int] = Counter()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/news"

    async def __aenter__(self) -> Receiver:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_LIMIT_S):
                await self._exchange(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass  # who called was killed
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        target = head.split(" ", 2)[1]
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        job = int(parse_qs(urlsplit(target).query)["id"][0])
        dice = self._rng.random()
        if dice < _REFUSED + _DROPPED and self.refused[job] < _MOST_REFUSED:
            self.refused[job] += 1
            if dice < _REFUSED:
                writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                await writer.drain()
            return
        self.received[job].append(body)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
