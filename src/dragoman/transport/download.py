"""``dragoman.service.download.Fetch`` over httpx. Only a command of the operator comes here."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dragoman import __version__
from dragoman.service.download import Download, DownloadFailed, is_loopback, may_be_fetched

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S: Final = 15.0
SILENCE_TIMEOUT_S: Final = 60.0
_MOST_REDIRECTS: Final = 5
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")
_STRONG_TAG: Final = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_REFUSED: Final = frozenset({401, 403})
_GONE: Final = frozenset({404, 410})


@contextmanager
def fetch(url: str, start: int = 0, validator: str | None = None) -> Iterator[Download]:
    """As the port says. Redirects lead to https, or from plain http on this machine to the same host. Proxies are those
    of the environment, except on the way to this machine; certificates are verified against the system's authorities
    and Mozilla's.
    """
    import httpx  # 0.08 s and 5 MB

    try:
        with _client(url) as client:
            response = _follow(client, url, start, validator)
            try:
                yield _download(response, start, validator)
            finally:
                response.close()
    except _StaleRange:
        with fetch(url) as anew:
            yield anew
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DownloadFailed(_broken(url, error)) from error


class _StaleRange(Exception):
    """The server has not got what was asked for; all of it is asked for then."""


@cache
def _trusting() -> ssl.SSLContext:
    """The system's authorities, which an operator can add to, and Mozilla's, for systems that have none. Slow."""
    import httpx

    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context


def _client(url: str) -> httpx.Client:
    import httpx

    try:
        return httpx.Client(
            verify=_trusting(),
            trust_env=not is_loopback(url),
            follow_redirects=False,
            timeout=httpx.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            headers={"User-Agent": f"dragoman/{__version__}", "Accept-Encoding": "identity"},
        )
    except (ImportError, ValueError) as error:
        raise DownloadFailed(f"a proxy that the environment names cannot be used ({error})") from error


def _follow(client: httpx.Client, url: str, start: int, validator: str | None) -> httpx.Response:
    headers = {"Range": f"bytes={start}-", "If-Range": validator} if start and validator else {}
    for _ in range(_MOST_REDIRECTS + 1):
        if not may_be_fetched(url):
            raise DownloadFailed(f"{_host(url)} can only be reached without encryption; https is needed")
        response = client.send(client.build_request("GET", url, headers=headers), stream=True)
        if response.next_request is None:
            return response
        response.close()
        before, url = url, str(response.next_request.url)
        if urlsplit(url).scheme != "https" and _host(url) != _host(before):
            raise DownloadFailed(f"{_host(before)} sends on to {_host(url)} without encryption, which is not followed")
    raise DownloadFailed(f"{_host(url)} sends on from one address to the next without an end")


def _download(response: httpx.Response, start: int, validator: str | None) -> Download:
    host, status = response.url.host, response.status_code
    if start and (status == 416 or (status == 206 and _tag(response) not in (None, validator))):
        raise _StaleRange
    if status in _REFUSED:
        raise DownloadFailed(
            f"{host} wants a permission that this program has not got (status {status}); fetch the files in a browser "
            f"and use `dragoman models add`"
        )
    if status in _GONE:
        raise DownloadFailed(f"{host} does not have the file any more (status {status}); the catalogue is out of date")
    if status not in (200, 206):
        raise DownloadFailed(f"{host} answered with status {status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise DownloadFailed(f"{host} sends the file encoded, although it was asked not to")
    if status == 200:
        length = response.headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() else None
        return Download(0, size, _tag(response), _pieces(response))
    said = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if said is None or int(said[1]) != start:
        raise DownloadFailed(f"{host} sent another part of the file than the one that was asked for")
    return Download(start, None if said[2] == "*" else int(said[2]), validator, _pieces(response))


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    import httpx

    try:
        yield from response.iter_raw()
    except httpx.HTTPError as error:
        raise DownloadFailed(_broken(str(response.url), error)) from error


def _tag(response: httpx.Response) -> str | None:
    tag = response.headers.get("ETag", "")
    return tag if _STRONG_TAG.fullmatch(tag) else None


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the server"


def _broken(url: str, error: Exception) -> str:
    import httpx

    match error:
        case httpx.ConnectTimeout():
            reason = f"it did not answer within {CONNECT_TIMEOUT_S:.0f} s"
        case httpx.TimeoutException():
            reason = f"it sent nothing for {SILENCE_TIMEOUT_S:.0f} s"
        case httpx.ConnectError():
            reason = f"it cannot be reached ({error})"
        case httpx.InvalidURL():
            reason = "its address is not valid"
        case _:
            reason = "the connection broke"
    return f"{_host(url)}: {reason}"
