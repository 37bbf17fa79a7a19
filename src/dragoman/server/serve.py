"""The server process: uvicorn inside, from the check of the address to the last request."""

from __future__ import annotations

import asyncio
import contextlib
import gc
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
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import uvicorn

from dragoman.core.errors import EngineNotReady
from dragoman.language.classes import InvalidWordClass
from dragoman.server import logging
from dragoman.server.app import Application, build_app
from dragoman.server.protocol import MAX_MESSAGE_BYTES, HttpProtocol, WebSocketProtocol
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import Settings
from dragoman.server.state import state_folder
from dragoman.service.keys_file import KeysFileError
from dragoman.store.database import StoreError
from dragoman.transport.base import Example

if TYPE_CHECKING:
    from dragoman.server.tls import ServedCertificate

logger = log.getLogger(__name__)

_SAMPLE: Final = Path("assets", "two_cities.wav")
_LOOK_EVERY_S: Final = 0.1
_REFRESH_S: Final = 3600
_HANDSHAKE_S: Final = 30.0
_GOODBYE_S: Final = 5.0
"""How long a client may take to confirm the end of a TLS connection."""
_KEY_OPTION: Final = '-H "Authorization: Bearer $DRAGOMAN_KEY" '


@dataclass(frozen=True, slots=True)
class TlsPort:
    """``authority`` is what clients must trust; ``None``: one they know."""

    listener: socket.socket
    certificate: ServedCertificate
    authority: Path | None


class Server(uvicorn.Server):
    """uvicorn as this project uses it, on a TLS port beside the cleartext one if there is one: connections of both are
    counted, limited and ended together.

    Signals are left to ``_run``: uvicorn would raise them again when it has stopped, and end with their status.
    """

    def __init__(self, app: Application, settings: Settings, tls: TlsPort | None = None) -> None:
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
            timeout_notify=_REFRESH_S,
            callback_notify=tls.certificate.refresh if tls is not None else None,
        )
        super().__init__(config)
        self._lifespan = app.lifespan
        self._tls = tls
        self._drain_timeout_s = settings.drain_timeout_s
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._tls is not None:
            secure = await asyncio.get_running_loop().create_server(
                self._connection,
                sock=self._tls.listener,
                ssl=self._tls.certificate.context,
                backlog=self.config.backlog,
                ssl_handshake_timeout=_HANDSHAKE_S,
                ssl_shutdown_timeout=_GOODBYE_S,
            )
            self.servers.append(secure)
        self.listening.set()

    def _connection(self) -> asyncio.Protocol:
        protocol: type[asyncio.Protocol] = self.config.http_protocol_class
        return protocol(self.config, self.server_state, self.lifespan.state)  # type: ignore[call-arg]

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
    with contextlib.ExitStack() as listeners:
        try:
            cleartext = [listeners.enter_context(listen(settings.host, port)) for port in _cleartext_ports(settings)]
            tls = _tls_port(settings, listeners)
            app = build_app(settings, build_recognition(settings))
            app.database.prepare()
        except (_CannotServe, KeysFileError, InvalidWordClass, StoreError) as error:
            return _failed(str(error))
        server = Server(app, settings, tls)
        gc.freeze()  # what is loaded by now stays; to look through it again and again would stop everything for a while
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            return runner.run(_run(server, app, settings, cleartext, tls))


def refuse_address(settings: Settings) -> str | None:
    """Why this address may not be served with these settings, and what to do; ``None`` if it may."""
    if settings.keys_file is not None or settings.insecure or is_loopback(settings.host):
        return None
    return (
        f"{settings.host} can be reached from other machines, and no keys are configured: anyone could use it.\n"
        "Give it keys, one for each client:\n"
        "  dragoman keys create client1 --file keys.txt\n"
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


class _CannotServe(Exception):
    """The message is for the person at the terminal."""


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address. It names its protocol, or asyncio would let small writes wait for each other.

    Raises an exception whose text is for the person at the terminal.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise _CannotServe(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error
    return listener


def _cleartext_ports(settings: Settings) -> tuple[int, ...]:
    """Raises an exception whose text is for the person at the terminal."""
    ports = (settings.port, *settings.more_ports)
    taken = [port for port in (*ports, *([settings.tls_port] if settings.tls or settings.tls_cert else ())) if port]
    if len(set(taken)) < len(taken):
        twice = next(port for port in taken if taken.count(port) > 1)
        raise _CannotServe(f"port {twice} is named twice among port, more_ports and tls_port")
    return ports


def _tls_port(settings: Settings, listeners: contextlib.ExitStack) -> TlsPort | None:
    if settings.tls is None and settings.tls_cert is None:
        return None
    from dragoman.server import authority, tls  # cryptography is heavy

    local = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        find = tls.from_files(settings.tls_cert, settings.tls_key)
    else:
        folder = settings.tls_dir or state_folder(settings) / "tls"
        names = [*authority.names_of_this_machine(settings.host), *settings.tls_names]
        find = local = authority.LocalAuthority(folder, names, clock=tls.now)
    certificate = tls.ServedCertificate(find, HttpProtocol.alpn_protocols, clock=tls.now)
    try:
        certificate.load()
    except tls.TlsError as error:
        raise _CannotServe(str(error)) from error
    listener = listeners.enter_context(listen(settings.host, settings.tls_port))
    return TlsPort(listener, certificate, local.certificate if local is not None else None)


async def _run(
    server: Server, app: Application, settings: Settings, cleartext: list[socket.socket], tls: TlsPort | None
) -> int:
    def stop(number: int, frame: FrameType | None) -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    announcing = asyncio.create_task(_announce(server, app, settings, cleartext, tls), name="announcement")
    try:
        await server.serve(sockets=cleartext)
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


async def _announce(
    server: Server, app: Application, settings: Settings, cleartext: list[socket.socket], tls: TlsPort | None
) -> None:
    """Tell the person at the terminal once speech is recognised; end the server when it never will be."""
    await server.listening.wait()
    base_url, *more_urls = (_url("http", listener) for listener in cleartext)
    for url in (base_url, *more_urls, *([_url("https", tls.listener)] if tls is not None else ())):
        logger.info("listening", extra={"facts": {"url": url}})
    try:
        await app.lifespan.ready()
    except EngineNotReady:
        server.should_exit = True
        raise
    keys = settings.keys_file is not None
    print(f"Dragoman listens on {' and '.join((base_url, *more_urls))}. Try it:\n")
    if keys:
        print("  export DRAGOMAN_KEY=…   # the secret of a key")
    for line in curl_lines(app, base_url, keys=keys):
        print(f"  {line}")
    print(f"\nIts APIs in the browser: {base_url}/docs")
    if tls is not None:
        print(f"\nTLS is on {_url('https', tls.listener)}.")
    if tls is not None and tls.authority is not None:
        from dragoman.server.authority import trust_lines

        print("Clients trust it once they know the authority that signed its certificate:\n")
        for line in trust_lines(tls.authority, _url("https", tls.listener, "localhost")):
            print(f"  {line}")
    print("\nReady. Ctrl+C stops it.", flush=True)


def _url(scheme: str, listener: socket.socket, name: str = "") -> str:
    """``name`` stands for an address that is this machine's own, or all addresses."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host.partition("%")[0])
    if name and (address.is_loopback or address.is_unspecified):
        return f"{scheme}://{name}:{port}"
    return f"{scheme}://[{host}]:{port}" if address.version == 6 else f"{scheme}://{host}:{port}"


def _failed(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1
