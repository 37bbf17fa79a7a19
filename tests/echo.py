"""An application that answers each piece of a body with the same piece, and remembers what happened to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from dragoman.server.authority import LocalAuthority, names_of_this_machine
from dragoman.server.lifespan import Lifespan
from dragoman.server.protocol import HttpProtocol
from dragoman.server.serve import Server, TlsPort, listen
from dragoman.server.settings import Settings
from dragoman.server.tls import ServedCertificate, now
from dragoman.transport.spool import Spool
from scripted import ScriptedPool, recogniser


class Echo:
    """Looks like the real application to the server. ``/flood`` sends a megabyte at a time until the client leaves,
    ``/wait`` reads nothing until it is told, ``/early`` refuses without reading."""

    def __init__(self, settings: Settings) -> None:
        self.lifespan = Lifespan(recogniser(settings, ScriptedPool()), Spool(settings.spool_dir), wait_s=1)
        self.dialects = ()
        self._router = Router([], lifespan=self.lifespan)
        self.scopes: list[Scope] = []
        self.messages: list[Message] = []
        """Everything that was received, on all streams."""
        self.running = 0
        self.ended = asyncio.Semaphore(0)
        """Can be acquired once for each request that is over."""
        self.flooded = 0
        self.told = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._router(scope, receive, send)
            return
        self.scopes.append(scope)
        self.running += 1
        try:
            if scope["type"] == "websocket":
                await self._socket(receive, send)
            else:
                await self._http(scope["path"], receive, send)
        finally:
            self.running -= 1
            self.ended.release()

    async def _http(self, path: str, receive: Receive, send: Send) -> None:
        status = 400 if path == "/early" else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"connection", b"close")]})
        more = path != "/early"
        if path == "/wait":
            await self.told.wait()
        if path == "/flood":
            await self._flood(receive, send)
        while more:
            message = await receive()
            self.messages.append(message)
            if message["type"] == "http.disconnect":
                return
            if piece := message.get("body"):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": b"end"})

    async def _flood(self, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(receive(), name="departure")
        while not leaving.done():
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
            self.flooded += 1
            await asyncio.sleep(0)

    async def _socket(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": message["bytes"]})


@dataclass
class Ports:
    """Where the server listens; ``tls`` is 0 without a certificate."""

    app: Echo
    server: Server
    clear: int
    tls: int


@contextmanager
def tls_port(folder: Path) -> Iterator[tuple[TlsPort, ssl.SSLContext]]:
    """A port with a certificate of a local authority, and a context of clients that trust it."""
    authority = LocalAuthority(folder / "tls", names_of_this_machine("127.0.0.1"), clock=now)
    certificate = ServedCertificate(authority, HttpProtocol.alpn_protocols, clock=now)
    certificate.load()
    client = ssl.create_default_context(cafile=authority.certificate)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    with listen("127.0.0.1", 0) as listener:
        yield TlsPort(listener, certificate, authority.certificate), client


@asynccontextmanager
async def echoing(
    folder: Path, tls: TlsPort | None = None, protocol: type[HttpProtocol] = HttpProtocol, **settings: int
) -> AsyncIterator[Ports]:
    """The application behind real sockets of this machine."""
    configured = Settings(spool_dir=folder, **settings)
    app = Echo(configured)
    with listen("127.0.0.1", 0) as listener:
        server = Server(app, configured, tls)  # type: ignore[arg-type]
        server.config.http = protocol
        running = asyncio.create_task(server.serve(sockets=[listener]), name="server")
        try:
            await server.listening.wait()
            secure = tls.listener.getsockname()[1] if tls is not None else 0
            yield Ports(app, server, listener.getsockname()[1], secure)
        finally:
            app.told.set()
            server.should_exit = True
            await running
