"""Amazon's Signature Version 4, on the side of the server: does whoever sent this know the secret?

A request is signed in its ``Authorization`` header or, presigned, in its URL; the messages of an event stream form a
chain of signatures that begins with the one of the request. Sources: "Signing AWS API requests" in the IAM user guide,
"Setting up a streaming transcription" in Amazon Transcribe's developer guide; where the latter and the SDKs differ (the
first line of what is signed of a message), the SDKs. Pure: now is always an argument, and who knows which secret is the
caller's affair.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from dragoman.codecs.eventstream import Message, Timestamp, encode_headers

ALGORITHM: Final = "AWS4-HMAC-SHA256"
MAX_SKEW_MS: Final = 5 * 60 * 1000
"""How far the clocks of client and service may be apart."""
MAX_LIFETIME_MS: Final = 7 * 24 * 60 * 60 * 1000
"""The longest that a presigned URL may be good for, with any service."""
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
SIGNED_EVENTS: Final = "STREAMING-AWS4-HMAC-SHA256-EVENTS"

_MESSAGE_ALGORITHM: Final = "AWS4-HMAC-SHA256-PAYLOAD"
_TERMINATOR: Final = "aws4_request"
_TIMESTAMP: Final = "%Y%m%dT%H%M%SZ"
_TIMESTAMP_FORM: Final = re.compile("(19[789]|2[0-9]{2})[0-9]{5}T[0-9]{6}Z")
_HEX_DIGEST: Final = re.compile("[0-9a-f]{64}")
_DAY_MS: Final = 24 * 60 * 60 * 1000
_YEAR_10000_MS: Final = 253_402_300_800_000


class Reason(Enum):
    """Why a signature was refused. Every dialect that verifies signatures has its vendor's answer to each."""

    MISSING = auto()
    """There is no signature."""
    MALFORMED = auto()
    """What is there is incomplete or not of this form."""
    UNKNOWN_KEY = auto()
    """Nobody has an access key of this id. Raised by whoever looks secrets up."""
    WRONG_SCOPE = auto()
    """It was made for another service, region or day."""
    SKEWED = auto()
    """Its time is too far from now: one of the clocks is wrong."""
    EXPIRED = auto()
    """The presigned URL was good once."""
    MISMATCH = auto()
    """It was made with another secret, or over something else than what arrived."""


class SignatureRefused(ValueError):
    """The text says what is wrong and what to check, for the person at the other end; it carries no secret."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came off the wire: nothing decoded, nothing normalised, as the fields of an ASGI scope are.

    ``path`` and ``query`` are percent-encoded as the client sent them. ``headers`` are names, in any case, and values.
    """

    method: str
    path: bytes
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]

    def values(self, name: str) -> list[bytes]:
        """Of all headers of this name, which is lower-case."""
        wanted = name.encode("latin-1")
        return [value for header, value in self.headers if header.lower() == wanted]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signing key is good for: one day (``YYYYMMDD``, UTC), one region, one service."""

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{_TERMINATOR}"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says about how it was signed. Believe nothing before ``verify`` has returned."""

    access_key: str
    scope: Scope
    signed_ms: int
    """When, by the clock of the client: milliseconds since 1970, UTC."""
    signed_headers: tuple[str, ...]
    value: str
    """64 hexadecimal digits. The messages of an event stream continue from here."""
    session_token: str | None
    lifetime_ms: int | None
    """Of a presigned URL; ``None`` for a signature in a header."""

    def check_time(
        self, now_ms: int, *, max_skew_ms: int = MAX_SKEW_MS, max_lifetime_ms: int = MAX_LIFETIME_MS
    ) -> None:
        """``now_ms``: milliseconds since 1970, UTC. Raises ``SignatureRefused``."""
        ahead_ms = self.signed_ms - now_ms
        if self.lifetime_ms is not None and self.lifetime_ms > max_lifetime_ms:
            raise SignatureRefused(Reason.MALFORMED, f"X-Amz-Expires is at most {max_lifetime_ms // 1000} here.")
        if ahead_ms > max_skew_ms or (self.lifetime_ms is None and -ahead_ms > max_skew_ms):
            raise SignatureRefused(
                Reason.SKEWED,
                f"The request was signed at {stamp(self.signed_ms)}, but here it is {stamp(now_ms)}. "
                f"At most {max_skew_ms // 1000} seconds may lie between: check the clocks.",
            )
        if self.lifetime_ms is not None and -ahead_ms > self.lifetime_ms:
            raise SignatureRefused(
                Reason.EXPIRED,
                f"The URL was signed at {stamp(self.signed_ms)} for {self.lifetime_ms // 1000} seconds, "
                f"and here it is {stamp(now_ms)}: sign a new one.",
            )

    def check_scope(self, service: str, region: str | None = None) -> None:
        """``region=None`` takes any. Raises ``SignatureRefused``."""
        if self.scope.service != service:
            raise SignatureRefused(
                Reason.WRONG_SCOPE, f"The request was signed for the service {self.scope.service!r}, not {service!r}."
            )
        if region is not None and self.scope.region != region:
            raise SignatureRefused(
                Reason.WRONG_SCOPE, f"The request was signed for the region {self.scope.region!r}, not {region!r}."
            )
        if self.scope.date != stamp(self.signed_ms)[:8]:
            raise SignatureRefused(Reason.WRONG_SCOPE, "The date of the credential is not the one of the request.")

    def verify(self, request: Request, secret: str, body: bytes | None = None) -> None:
        """Was it made with this secret over this request? ``body`` is ``None`` where it is a stream still to come.

        Takes the same time wherever the signatures differ. Raises ``SignatureRefused``.
        """
        canonical = canonical_request(request, self.signed_headers, _payload_hash(request, body))
        if not hmac.compare_digest(request_signature(canonical, secret, self.scope, self.signed_ms), self.value):
            host = b",".join(request.values("host")).decode("latin-1")
            raise SignatureRefused(
                Reason.MISMATCH,
                f"The signature does not match. Check the secret that belongs to {self.access_key!r}, and that nothing "
                f"on the way changes what is signed: the host, which arrived as {host!r}, the path, the query, "
                f"and the headers {';'.join(self.signed_headers)}.",
            )


def read_signature(request: Request) -> Signature:
    """What the header ``Authorization`` or the URL says. Raises ``SignatureRefused``: missing or malformed."""
    headers = request.values("authorization")
    parameters = _presigned_parameters(request.query)
    match headers, bool(parameters):
        case [], False:
            raise SignatureRefused(Reason.MISSING, "The request is not signed: sign it by Signature Version 4.")
        case [header], False:
            return _from_header(request, header.decode("latin-1"))
        case [], True:
            return _from_parameters(parameters)
        case _:
            raise SignatureRefused(Reason.MALFORMED, "The request is signed more than once.")


def canonical_request(request: Request, signed_headers: Sequence[str], payload_hash: str) -> bytes:
    """The request in the form in which both sides sign it. Raises ``SignatureRefused`` if a signed header is missing.

    A plus sign in the query stands for itself, not for a space. Segments ``.`` and ``..`` of the path are left as they
    are: no route of ours has any.
    """
    path = quote_from_bytes(request.path or b"/", safe="/-_.~")
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in _pairs(request.query))
    query = "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")
    lines = [f"{request.method}\n{path}\n{query}\n".encode()]
    lines += [name.encode("latin-1") + b":" + _header_value(request, name) + b"\n" for name in signed_headers]
    return b"".join((*lines, f"\n{';'.join(signed_headers)}\n{payload_hash}".encode("latin-1")))


def request_signature(canonical: bytes, secret: str, scope: Scope, signed_ms: int) -> str:
    """64 hexadecimal digits over a canonical request."""
    text = f"{ALGORITHM}\n{stamp(signed_ms)}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    return hmac.digest(signing_key(secret, scope), text.encode(), "sha256").hex()


def message_signature(headers: bytes, payload: bytes, secret: str, scope: Scope, dated_ms: int, prior: str) -> bytes:
    """32 bytes over a message of an event stream: its encoded headers but the signature, and its payload.

    ``prior`` is the signature before it in hexadecimal digits: of the message before, or of the request.
    """
    hashes = f"{hashlib.sha256(headers).hexdigest()}\n{hashlib.sha256(payload).hexdigest()}"
    text = f"{_MESSAGE_ALGORITHM}\n{stamp(dated_ms)}\n{scope}\n{prior}\n{hashes}"
    return hmac.digest(signing_key(secret, scope), text.encode(), "sha256")


@lru_cache(maxsize=256)
def signing_key(secret: str, scope: Scope) -> bytes:
    """Derived from the secret, good for the scope only; the same for all requests and messages of a day."""
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def stamp(ms: int) -> str:
    """Milliseconds since 1970 as the signatures have it: ``20261120T123456Z``."""
    return time.strftime(_TIMESTAMP, time.gmtime(ms // 1000))


class ChunkVerifier:
    """Follows the chain of signatures through the messages of one stream, each of which is signed over the one before.

    So a message that is changed, left out, repeated or out of order is refused, and so is every one after it.
    """

    def __init__(self, secret: str, scope: Scope, seed: str) -> None:
        """``scope`` and ``seed``, the signature's value, are those of the request that opened the stream."""
        self._secret = secret
        self._scope = scope
        self._day = -1
        """Of ``_scope``, counted from 1970; not known before the first message."""
        self._prior = seed

    def verify(self, message: Message) -> bytes:
        """The payload, a whole message of its own; empty at the end of the stream. Raises ``SignatureRefused``.

        The dates of messages are not compared with now: a client may run ahead or be held back by us, and the chain
        that begins with a request of the right time cannot be replayed in part.
        """
        dated_ms, signature = message.headers.get(":date"), message.headers.get(":chunk-signature")
        if not (isinstance(dated_ms, Timestamp) and isinstance(signature, bytes) and 0 <= dated_ms < _YEAR_10000_MS):
            raise SignatureRefused(Reason.MALFORMED, "A signed message has the headers :date and :chunk-signature.")
        if dated_ms // _DAY_MS != self._day:
            self._day = dated_ms // _DAY_MS
            self._scope = Scope(stamp(dated_ms)[:8], self._scope.region, self._scope.service)
        signed = encode_headers({name: value for name, value in message.headers.items() if name != ":chunk-signature"})
        expected = message_signature(signed, message.payload, self._secret, self._scope, dated_ms, self._prior)
        if not hmac.compare_digest(expected, signature):
            raise SignatureRefused(
                Reason.MISMATCH,
                "The signature of a message does not match: it was changed, is out of order, or has another secret.",
            )
        self._prior = expected.hex()
        return message.payload


def _from_header(request: Request, header: str) -> Signature:
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise SignatureRefused(Reason.MALFORMED, f"The header Authorization has to begin with {ALGORITHM}.")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if fields.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise SignatureRefused(
            Reason.MALFORMED, "The header Authorization has to have Credential, SignedHeaders and Signature, once each."
        )
    signed_headers = tuple(fields["SignedHeaders"].split(";"))
    token = _only_value(request, "x-amz-security-token")
    if token is not None and "x-amz-security-token" not in signed_headers:
        raise SignatureRefused(Reason.MALFORMED, "The header x-amz-security-token has to be signed.")
    dated = _only_value(request, "x-amz-date")
    if dated is None:
        raise SignatureRefused(Reason.MALFORMED, "A signed request has the header x-amz-date.")
    return _signature(fields["Credential"], dated, signed_headers, fields["Signature"], token, None)


def _from_parameters(parameters: dict[str, str]) -> Signature:
    if parameters.get("X-Amz-Algorithm") != ALGORITHM:
        raise SignatureRefused(Reason.MALFORMED, f"X-Amz-Algorithm has to be {ALGORITHM}.")
    needed = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
    for name in needed:
        if not parameters.get(name):
            raise SignatureRefused(Reason.MALFORMED, f"A presigned URL has the parameter {name}.")
    credential, dated, expires, signed_headers, value = (parameters[name] for name in needed)
    if not re.fullmatch("[0-9]{1,6}", expires) or not 0 < int(expires) * 1000 <= MAX_LIFETIME_MS:
        raise SignatureRefused(Reason.MALFORMED, f"X-Amz-Expires is 1 to {MAX_LIFETIME_MS // 1000} seconds.")
    token = parameters.get("X-Amz-Security-Token")
    return _signature(credential, dated, tuple(signed_headers.split(";")), value, token, int(expires) * 1000)


def _signature(
    credential: str, dated: str, signed_headers: tuple[str, ...], value: str, token: str | None, lifetime_ms: int | None
) -> Signature:
    match credential.rsplit("/", 4):
        case [access_key, date, region, service, terminator] if access_key and terminator == _TERMINATOR:
            scope = Scope(date, region, service)
        case _:
            raise SignatureRefused(
                Reason.MALFORMED, f"A credential has the form KEY/YYYYMMDD/REGION/SERVICE/{_TERMINATOR}."
            )
    if not {"host", ":authority"} & set(signed_headers):
        raise SignatureRefused(Reason.MALFORMED, "The host has to be among the signed headers.")
    if not _HEX_DIGEST.fullmatch(value):
        raise SignatureRefused(Reason.MALFORMED, "A signature is 64 hexadecimal digits, lower-case.")
    return Signature(access_key, scope, _milliseconds(dated), signed_headers, value, token, lifetime_ms)


def _milliseconds(dated: str) -> int:
    """The inverse of ``stamp``."""
    try:
        if _TIMESTAMP_FORM.fullmatch(dated):
            return int(datetime.strptime(dated, _TIMESTAMP).replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        pass
    raise SignatureRefused(Reason.MALFORMED, "The date of a signature has the form 20261120T123456Z.")


def _payload_hash(request: Request, body: bytes | None) -> str:
    claimed = _only_value(request, "x-amz-content-sha256")
    if claimed is None:
        return hashlib.sha256(body or b"").hexdigest()
    if claimed == UNSIGNED_PAYLOAD or (claimed == SIGNED_EVENTS and body is None):
        return claimed
    if not _HEX_DIGEST.fullmatch(claimed):
        raise SignatureRefused(Reason.MALFORMED, f"The value {claimed!r} of x-amz-content-sha256 does not fit here.")
    if body is not None and hashlib.sha256(body).hexdigest() != claimed:
        raise SignatureRefused(Reason.MISMATCH, "The body is not the one that x-amz-content-sha256 was made of.")
    return claimed


def _presigned_parameters(query: bytes) -> dict[str, str]:
    """Those of the signature; none for a URL that is not presigned."""
    found: dict[str, str] = {}
    for raw_name, raw_value in _pairs(query):
        name = raw_name.decode("latin-1")
        if name.startswith("X-Amz-"):
            if name in found:
                raise SignatureRefused(Reason.MALFORMED, f"The URL has the parameter {name} twice.")
            found[name] = raw_value.decode("latin-1")
    return found if {"X-Amz-Algorithm", "X-Amz-Signature"} & found.keys() else {}


def _pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values, decoded."""
    parts = (part.partition(b"=") for part in query.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts]


def _encoded(data: bytes) -> str:
    return quote_from_bytes(data, safe="-_.~")


def _only_value(request: Request, name: str) -> str | None:
    values = request.values(name)
    if len(values) > 1:
        raise SignatureRefused(Reason.MALFORMED, f"The request has the header {name} twice.")
    return values[0].decode("latin-1").strip() if values else None


def _header_value(request: Request, name: str) -> bytes:
    """As it is signed. ``:authority`` reaches us as ``host``, behind the header ``host`` if the client sent both."""
    values = request.values("host" if name == ":authority" else name)
    if not values:
        raise SignatureRefused(Reason.MISMATCH, f"The header {name!r} is signed but did not arrive.")
    if name == ":authority":
        values = values[-1:]
    elif name == "host":
        values = values[:1]
    return b",".join(b" ".join(value.split()) for value in values)
