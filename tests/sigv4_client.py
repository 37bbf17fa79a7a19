"""The client's half of Signature Version 4, for tests: signs requests, URLs and the messages of event streams."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote

from dragoman.codecs.eventstream import Message, Timestamp, encode, encode_headers
from dragoman.codecs.sigv4 import (
    ALGORITHM,
    Request,
    Scope,
    canonical_request,
    message_signature,
    request_signature,
    stamp,
)

NOTHING = hashlib.sha256().hexdigest()


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody with an access key."""

    access_key: str = "AKIDTEST"
    secret: str = "the secret of this key"
    region: str = "eu-central-1"
    service: str = "transcribe"
    session_token: str | None = None

    def scope(self, at_ms: int) -> Scope:
        return Scope(stamp(at_ms)[:8], self.region, self.service)

    def sign(self, request: Request, at_ms: int, *, body_hash: str = NOTHING, leave_out: Iterable[str] = ()) -> Request:
        """With the header ``Authorization``; all headers are signed but those to be left out."""
        headers = [*request.headers, (b"x-amz-date", stamp(at_ms).encode())]
        if self.session_token is not None:
            headers.append((b"x-amz-security-token", self.session_token.encode()))
        signed = sorted({name.decode("latin-1").lower() for name, _ in headers} - set(leave_out))
        canonical = canonical_request(replace(request, headers=headers), signed, body_hash)
        value = request_signature(canonical, self.secret, self.scope(at_ms), at_ms)
        authorization = (
            f"{ALGORITHM} Credential={self.access_key}/{self.scope(at_ms)}, "
            f"SignedHeaders={';'.join(signed)}, Signature={value}"
        )
        return replace(request, headers=[*headers, (b"authorization", authorization.encode())])

    def presign(self, request: Request, at_ms: int, lifetime_s: int = 60) -> Request:
        """With the signature in the URL; only the host is signed."""
        parameters = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.access_key}/{self.scope(at_ms)}",
            "X-Amz-Date": stamp(at_ms),
            "X-Amz-Expires": str(lifetime_s),
            "X-Amz-SignedHeaders": "host",
        }
        if self.session_token is not None:
            parameters["X-Amz-Security-Token"] = self.session_token
        ours = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
        unsigned = replace(request, query=b"&".join(part for part in (request.query, ours.encode()) if part))
        canonical = canonical_request(unsigned, ["host"], NOTHING)
        value = request_signature(canonical, self.secret, self.scope(at_ms), at_ms)
        return replace(unsigned, query=unsigned.query + f"&X-Amz-Signature={value}".encode())


@dataclass(slots=True)
class MessageSigner:
    """Continues the chain of signatures from ``prior``, at first that of the request."""

    client: Client
    prior: str

    def sign(self, payload: bytes, at_ms: int) -> bytes:
        """The message around this payload, as it goes over the wire; the last one of a stream is around nothing."""
        date = {":date": Timestamp(at_ms)}
        scope = self.client.scope(at_ms)
        value = message_signature(encode_headers(date), payload, self.client.secret, scope, at_ms, self.prior)
        self.prior = value.hex()
        return encode(Message({**date, ":chunk-signature": value}, payload))
