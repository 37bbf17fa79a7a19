"""Posts messages to receivers that clients name, and to no address that they must not reach."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from dragoman.core.errors import InvalidField
from dragoman.service.callback_address import Target, refusal, target_of
from dragoman.service.callbacks import CallbackMessage, PostFailed

if TYPE_CHECKING:
    import httpx

_MOST_ADDRESSES: Final = 4
_MOST_LOOKUPS: Final = 64
_READ_BYTES: Final = 4096
"""Of a reply's body, after which the connection is closed."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, the best first. Raises ``OSError``."""


class Resolver:
    """Asks the system, in a thread for each question: one that is never answered keeps nobody waiting, neither other
    work in threads nor the end of the process.
    """

    def __init__(self) -> None:
        self._asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        if self._asked >= _MOST_LOOKUPS:
            raise OSError("too many names are being looked up")
        self._asked += 1
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[str]] = loop.create_future()

        def answered(addresses: Sequence[str], error: OSError | None) -> None:
            self._asked -= 1
            if answer.done():
                return  # nobody waits any more
            if error is None:
                answer.set_result(addresses)
            else:
                answer.set_exception(error)

        def ask() -> None:
            addresses: Sequence[str] = ()
            error: OSError | None = None
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
            except OSError as failure:
                error = failure
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(answered, addresses, error)

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        return await answer


class HttpPoster:
    """``dragoman.service.callbacks.Poster``: HTTP/1.1, a connection for each message, certificates verified against
    the system's authorities and Mozilla's.

    A host is looked up once, all its addresses are checked, and the connection goes to one of them. httpx's client is
    left out, and with it redirects, proxies, cookies and ``.netrc``.
    """

    def __init__(
        self,
        *,
        private_addresses: bool = False,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._private_addresses = private_addresses
        self._resolve = resolve or Resolver()
        self._tls = tls

    async def post(self, message: CallbackMessage, *, timeout_s: float) -> int:
        """As the port says. At most a few kilobytes of the reply are read."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(_trusting)
        import httpx  # 0.08 s and 5 MB, only for a server that posts; loaded by now

        until = asyncio.get_running_loop().time() + timeout_s
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncHTTPTransport(verify=self._tls, limits=limits) as transport:
            try:
                async with asyncio.timeout_at(until):
                    response = await self._response(transport, message, timeout_s)
            except (TimeoutError, httpx.HTTPError, OSError) as error:
                raise PostFailed(_reason(error, timeout_s)) from error
            with suppress(TimeoutError, httpx.HTTPError, OSError):  # whatever else comes, this was the answer
                async with asyncio.timeout_at(until), aclosing(response):
                    await _skip(response)
            return response.status_code

    async def _response(
        self, transport: httpx.AsyncHTTPTransport, message: CallbackMessage, timeout_s: float
    ) -> httpx.Response:
        """From the first address that takes a connection. The message is sent once at most."""
        import httpx

        target = self._target(message.url)
        addresses = await self._addresses(target)
        for address in addresses:
            request = _request(target, address, message, timeout_s)
            try:
                return await transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise PostFailed("the host has no address")

    def _target(self, url: str) -> Target:
        try:
            return target_of(url, private_addresses=self._private_addresses, field="the callback")
        except InvalidField as error:
            raise PostFailed(error.message) from None

    async def _addresses(self, target: Target) -> Sequence[str]:
        try:
            addresses = await self._resolve(target.host, target.port)
        except OSError:
            raise PostFailed("the name of the host cannot be resolved") from None
        for address in addresses:
            if reason := refusal(ip_address(address), private_addresses=self._private_addresses):
                raise PostFailed(reason)
        return addresses[:_MOST_ADDRESSES]


def _request(target: Target, address: str, message: CallbackMessage, timeout_s: float) -> httpx.Request:
    """The connection goes to the address; the host is in the headers and is whose certificate is asked for."""
    import httpx

    host = f"[{address}]" if ":" in address else address
    headers = [("Host", target.authority), *message.headers, ("Connection", "close")]
    if target.authorization is not None:
        headers.append(("Authorization", target.authorization))
    return httpx.Request(
        "POST",
        f"{target.scheme}://{host}:{target.port}",
        headers=headers,
        files=[(part.name, (_encodable(part.filename), part.data, part.content_type)) for part in message.parts],
        extensions={
            "target": target.path.encode(),
            "sni_hostname": target.host,
            "timeout": httpx.Timeout(timeout_s, connect=timeout_s / 2).as_dict(),
        },
    )


def _encodable(filename: str) -> str:
    return filename.encode(errors="replace").decode()


async def _skip(response: httpx.Response) -> None:
    """Most replies are short, and whoever sends one may go on with other things only when all of it is read."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read >= _READ_BYTES:
            await response.extensions["network_stream"].aclose()  # so that the next read fails, inside the generators


def _trusting() -> ssl.SSLContext:
    """The system's authorities, which an operator can add to, and Mozilla's, for systems that have none. Slow."""
    import httpx

    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def _reason(error: BaseException, timeout_s: float) -> str:
    import httpx

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "the TLS connection failed"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return "no connection could be made"
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return f"no answer within {timeout_s:g} s"
    return "the connection was closed without an answer in HTTP"
