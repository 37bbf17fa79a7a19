"""Receivers of callbacks: HTTP servers on the loopback interface, kind and unkind ones."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What a receiver does when it has read a post. Its connection is closed afterwards."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Header names are in lower case."""

    target: str
    headers: dict[str, str]
    body: bytes

    def parts(self) -> list[tuple[str | None, str | None, str, bytes]]:
        """Name, file name, content type and content of the parts of a form."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        return [
            (
                str(part.get_param("name", header="content-disposition")),
                part.get_filename(),
                part.get_content_type(),
                bytes(part.get_payload(decode=True)),
            )
            for part in message_from_bytes(head + self.body).get_payload()
        ]


@dataclass
class Receiver:
    """``answers`` are given one after the other, and the last one from then on."""

    answers: Sequence[Answer]
    address: str = ""
    port: int = 0
    connections: int = 0
    posts: list[Posted] = field(default_factory=list)
    posted: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    """Can be acquired once for each post."""

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}/done"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            answer = self.answers[min(len(self.posts), len(self.answers) - 1)]
            self.posts.append(Posted(line.split(" ")[1], headers, body))
            self.posted.release()
            await answer(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other end left
        finally:
            writer.close()


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {code} Some Reason", f"Content-Length: {len(body)}", *headers]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await writer.drain()

    return answer


def endless(begin: bytes, piece: bytes, sent: list[int] | None = None) -> Answer:
    """Sends the same again and again, as fast as it is taken; ``sent`` gets what was written at last."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        count = 0
        try:
            while True:
                writer.write(piece)
                await writer.drain()
                count += len(piece)
                await asyncio.sleep(0)
        finally:
            if sent is not None:
                sent.append(count)

    return answer


async def silence(writer: asyncio.StreamWriter) -> None:
    """Until the other end leaves."""
    transport = writer.transport
    while not transport.is_closing():
        await asyncio.sleep(0.005)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    pass


@asynccontextmanager
async def receiving(
    *answers: Answer, address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    receiver = Receiver(answers, address)
    serving: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(receiver.serve(reader, writer), name="receiver"))

    server = await asyncio.start_server(connected, address, port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving)
