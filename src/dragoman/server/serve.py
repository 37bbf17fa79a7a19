"""The server process: uvicorn inside, from the check of the address to the last request."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import ipaddress
import logging as log
import math
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from dragoman.core.errors import EngineNotReady
from dragoman.language.classes import InvalidWordClass
from dragoman.server import logging
from dragoman.server.app import Application, build_app
from dragoman.server.protocol import MAX_MESSAGE_BYTES, HttpProtocol, WebSocketProtocol
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import Settings
from dragoman.service.auth import KeysFileError
from dragoman.transport.base import Example

logger = log.getLogger(__name__)

_SAMPLE: Final = Path("assets", "two_cities.wav")
_LOOK_EVERY_S: Final = 0.1
_KEY_OPTION: Final = '-H "Authorization: Bearer $DRAGOMAN_KEY" '


class Server(uvicorn.Server):
    """uvicorn as this project uses it.

    Signals are left to ``_run``: uvicorn would raise them again when it has stopped, and end with their status.
    """

    def __init__(self, app: Application, settings: Settings) -> None:
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            ws=WebSocketProtocol,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=None,  # clients that do not answer would be cut off; each vendor has its own time-out
            ws_per_message_deflate=False,  # audio does not get smaller, but every connection a good deal larger
            loop="auto",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=settings.max_connections,
            timeout_graceful_shutdown=settings.drain_timeout_s,
        )
        super().__init__(config)
        self._lifespan = app.lifespan
        self._drain_timeout_s = settings.drain_timeout_s
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Live streams end first: their clients may need new connections for the last results."""
        began = time.monotonic()
        draining = asyncio.create_task(self._lifespan.drain(), name="end of the live streams")
        while not (draining.done() or self.force_exit or time.monotonic() - began > self._drain_timeout_s):
            await asyncio.wait([draining], timeout=_LOOK_EVERY_S)
        draining.cancel()
        await asyncio.wait([draining])
        left_s = self._drain_timeout_s - (time.monotonic() - began)
        self.config.timeout_graceful_shutdown = max(1, math.ceil(left_s))
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. The exit status: 0, or 1 with the reason on standard error.

    On the first signal live streams are brought to their end, then no new connection is accepted; they and running
    requests get ``drain_timeout_s`` in all. New work is refused meanwhile. A second signal ends everything at once.
    """
    logging.configure(settings.log_level)
    if refusal := refuse_address(settings):
        return _failed(refusal)
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as error:
        return _failed(f"cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}")
    with listener:
        try:
            app = build_app(settings, build_recognition(settings))
        except (KeysFileError, InvalidWordClass) as error:
            return _failed(str(error))
        server = Server(app, settings)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            return runner.run(_run(server, app, settings, listener))


def refuse_address(settings: Settings) -> str | None:
    """Why this address may not be served with these settings, and what to do; ``None`` if it may."""
    if settings.keys_file is not None or settings.insecure or is_loopback(settings.host):
        return None
    return (
        f"{settings.host} can be reached from other machines, and no keys are configured: anyone could use it.\n"
        "Give it keys, one line for each client, an id and a secret:\n"
        '  (umask 077 && echo "client1 $(openssl rand -hex 24)" > keys.txt)\n'
        f"  dragoman serve --host {settings.host} --keys-file keys.txt\n"
        "or serve this machine alone (--host 127.0.0.1), or everyone (--insecure)."
    )


def is_loopback(host: str) -> bool:
    """Nobody but this machine reaches the address. A name counts only if every address of it does."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None) if host else []
    except OSError:
        return False
    addresses = {str(address[0]).partition("%")[0] for *_, address in found}
    return bool(addresses) and all(ipaddress.ip_address(address).is_loopback for address in addresses)


def curl_lines(app: Application, base_url: str, *, keys: bool) -> list[str]:
    """A command line for each dialect that works as it is, on a recording that is on this machine; with keys, once
    ``DRAGOMAN_KEY`` holds a secret."""
    spec = importlib.util.find_spec("moonshine_voice")  # found, not imported: importing loads a native library
    recording = Path(spec.origin).parent / _SAMPLE if spec is not None and spec.origin is not None else _SAMPLE
    escaped = str(recording).replace("\\", "\\\\").replace('"', '\\"')
    file = escaped if escaped.isascii() and not set(escaped) & set(';,"\\') else f'"{escaped}"'
    parts = Example(base_url, f"-F {shlex.quote(f'file=@{file}')}", _KEY_OPTION if keys else "")
    return [dialect.example(parts) for dialect in app.dialects]


def _listen(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


async def _run(server: Server, app: Application, settings: Settings, listener: socket.socket) -> int:
    def stop(number: int, frame: FrameType | None) -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    announcing = asyncio.create_task(_announce(server, app, settings, listener), name="announcement")
    try:
        await server.serve(sockets=[listener])
    except SystemExit:
        return _failed("The server did not start; the log says why.")
    finally:
        announcing.cancel()
        (outcome,) = await asyncio.gather(announcing, return_exceptions=True)
    if isinstance(outcome, EngineNotReady):
        return _failed(outcome.message)
    if isinstance(outcome, Exception):
        raise outcome
    return 0


async def _announce(server: Server, app: Application, settings: Settings, listener: socket.socket) -> None:
    """Tell the person at the terminal once speech is recognised; end the server when it never will be."""
    await server.listening.wait()
    host, port = listener.getsockname()[:2]
    base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    logger.info("listening", extra={"facts": {"url": base_url}})
    try:
        await app.lifespan.ready()
    except EngineNotReady:
        server.should_exit = True
        raise
    keys = settings.keys_file is not None
    print(f"Dragoman listens on {base_url}. Try it:\n")
    if keys:
        print("  export DRAGOMAN_KEY=…   # the secret of a key")
    for line in curl_lines(app, base_url, keys=keys):
        print(f"  {line}")
    print("\nReady. Ctrl+C stops it.", flush=True)


def _failed(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1
