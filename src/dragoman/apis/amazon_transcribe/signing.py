"""Who calls: requests and URLs signed by Signature Version 4, and URLs that we sign for clients to fetch."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from starlette.requests import HTTPConnection

from dragoman.codecs.sigv4 import (
    ALGORITHM,
    Reason,
    Request,
    Scope,
    Signature,
    SignatureRefused,
    canonical_request,
    read_signature,
    request_signature,
    stamp,
)
from dragoman.service.auth import ANONYMOUS, Authenticator, Identity
from dragoman.transport.http import identify

SERVICE: Final = "transcribe"
_REGION: Final = "local"
"""Of the URLs that we sign; requests may be signed for any."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who calls, and what the signatures of the messages of an event stream continue from.

    Both are ``None`` where nothing is to be verified: no keys are configured, or the client showed the secret itself.
    """

    identity: Identity
    signature: Signature | None = None
    secret: str | None = None


def check(
    connection: HTTPConnection,
    authenticator: Authenticator,
    now_ms: int,
    *,
    body: bytes | None = None,
    max_lifetime_ms: int | None = None,
) -> Signed:
    """Who sends this request, or opens this WebSocket. With no keys configured anyone may, whatever is signed.

    ``body`` is ``None`` for a stream of messages that is still to come. ``max_lifetime_ms`` bounds presigned URLs,
    where the service has a bound of its own. A session token has to be signed like the rest, and is not looked at. As
    with all dialects a client may show the secret instead, as a bearer token or ``x-api-key``.

    Raises ``SignatureRefused``, and ``AccessDenied`` for a secret that is shown and wrong.
    """
    if authenticator.is_open:
        return Signed(ANONYMOUS)
    request = signed_request(connection)
    try:
        signature = read_signature(request)
    except SignatureRefused:
        if _shows_secret(connection):
            return Signed(identify(connection, authenticator))
        raise
    secret = authenticator.secret(signature.access_key)
    if secret is None:
        raise SignatureRefused(Reason.UNKNOWN_KEY, f"There is no access key {signature.access_key!r}.")
    signature.check_scope(SERVICE)
    if max_lifetime_ms is None:
        signature.check_time(now_ms)
    else:
        signature.check_time(now_ms, max_lifetime_ms=max_lifetime_ms)
    signature.verify(request, secret, body)
    connection.scope["key_id"] = signature.access_key
    return Signed(Identity(signature.access_key), signature, secret)


def signed_request(connection: HTTPConnection) -> Request:
    """The request as it was signed; a WebSocket is opened by GET."""
    scope = connection.scope
    path = scope.get("raw_path") or scope["path"].encode()
    return Request(scope.get("method", "GET"), path, scope.get("query_string", b""), scope["headers"])


def link(connection: HTTPConnection, path: str, signed: Signed, authenticator: Authenticator, now_ms: int) -> str:
    """An address below this server for who sent this request; with keys it is presigned, good for a quarter of an hour.

    ``path`` has only characters that need no escape.
    """
    host = connection.headers.get("host", "")
    address = f"{connection.url.scheme}://{host}{path}"
    key_id = signed.identity.key_id
    secret = None if authenticator.is_open else authenticator.secret(key_id)
    if secret is None:
        return address
    scope = Scope(stamp(now_ms)[:8], _REGION, SERVICE)
    parameters = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{key_id}/{scope}",
        "X-Amz-Date": stamp(now_ms),
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    request = Request("GET", path.encode(), query.encode(), [(b"host", host.encode("latin-1"))])
    canonical = canonical_request(request, ["host"], sha256().hexdigest())
    return f"{address}?{query}&X-Amz-Signature={request_signature(canonical, secret, scope, now_ms)}"


def _shows_secret(connection: HTTPConnection) -> bool:
    scheme = connection.headers.get("authorization", "").partition(" ")[0]
    return scheme.lower() == "bearer" or "x-api-key" in connection.headers
