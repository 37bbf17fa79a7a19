"""Laws of signed requests. The vectors were made by Amazon's own libraries."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.codecs.sigv4 import Reason, Request, Signature, SignatureRefused, read_signature, stamp
from sigv4_client import Client

pytestmark = pytest.mark.unit

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
NOW_MS = 1_795_178_096_000  # 2026-11-20T12:34:56Z
CLIENT = Client()
STREAM = Request(
    "POST",
    b"/stream-transcription",
    b"",
    [(b"host", b"localhost:8443"), (b"x-amzn-transcribe-language-code", b"en-US")],
)
SOCKET = Request(
    "GET", b"/stream-transcription-websocket", b"language-code=en-US&sample-rate=16000", [(b"host", b"localhost:8443")]
)
by_name = pytest.mark.parametrize("vector", VECTORS["requests"], ids=[row["name"] for row in VECTORS["requests"]])


def request_of(vector: dict[str, Any]) -> Request:
    headers = [(name.encode(), value.encode()) for name, value in vector["headers"]]
    return Request(vector["method"], vector["path"].encode(), vector["query"].encode(), headers)


def body_of(vector: dict[str, Any]) -> bytes | None:
    """A body of a stream is not known when its signature is looked at."""
    return vector["body"].encode() or None


def refusal(request: Request, secret: str = CLIENT.secret, body: bytes | None = None) -> Reason | None:
    """``None`` for a request that is believed, whatever its time."""
    try:
        read_signature(request).verify(request, secret, body)
    except SignatureRefused as refused:
        return refused.reason
    return None


def with_header(request: Request, name: bytes, value: bytes) -> Request:
    """In place of the one of this name."""
    return replace(request, headers=[(key, value if key == name else old) for key, old in request.headers])


@by_name
def test_what_amazons_libraries_signed_is_believed(vector: dict[str, Any]) -> None:
    request = request_of(vector)
    signature = read_signature(request)
    signature.check_scope(VECTORS["service"], vector["region"])
    assert (signature.access_key, stamp(signature.signed_ms)) == (VECTORS["access_key"], "20261120T123456Z")
    assert signature.session_token == (VECTORS["session_token"] if "session token" in vector["name"] else None)
    signature.verify(request, VECTORS["secret"], body_of(vector))


@by_name
def test_another_secret_is_refused(vector: dict[str, Any]) -> None:
    assert refusal(request_of(vector), VECTORS["secret"] + " ", body_of(vector)) is Reason.MISMATCH


@by_name
def test_everything_that_is_signed_counts(vector: dict[str, Any]) -> None:
    request, body = request_of(vector), body_of(vector)
    signature = read_signature(request)

    def refused(changed: Request) -> None:
        with pytest.raises(SignatureRefused) as caught:
            signature.verify(changed, VECTORS["secret"], body)
        assert caught.value.reason is Reason.MISMATCH

    refused(replace(request, method="PUT"))
    refused(replace(request, path=request.path + b"/"))
    refused(replace(request, query=request.query + b"&more=1"))
    for part in request.query.split(b"&"):
        if part and not part.startswith(b"X-Amz-Signature"):
            refused(replace(request, query=request.query.replace(part, part + b"1")))
    for name, value in request.headers:
        signed = name.decode() in signature.signed_headers or (name == b"host")
        if signed and name != b"x-amz-content-sha256":
            refused(with_header(request, name, value + b"1"))
            refused(replace(request, headers=[header for header in request.headers if header[0] != name]))
    if body is not None:
        with pytest.raises(SignatureRefused):
            signature.verify(request, VECTORS["secret"], body + b" ")


@given(
    method=st.sampled_from(["GET", "POST"]),
    path=st.binary(max_size=20),
    parameters=st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), max_size=5),
    headers=st.dictionaries(
        st.text("abcdefgh-", min_size=1, max_size=6), st.text(" abc,\té", max_size=8).map(str.encode), max_size=5
    ),
    token=st.none() | st.text(min_size=1, max_size=5).map(quote),
)
def test_any_signed_request_is_believed(
    method: str, path: bytes, parameters: list[tuple[bytes, bytes]], headers: dict[str, bytes], token: str | None
) -> None:
    assume(not any(name.startswith(b"X-Amz-") for name, _ in parameters))
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters)
    sent = [(b"Host", b"h"), *((name.encode(), value) for name, value in headers.items())]
    request = Request(method, b"/" + quote(path).encode(), query.encode(), sent)
    client = Client(session_token=token)
    for signed in (client.sign(request, NOW_MS), client.presign(request, NOW_MS)):
        assert refusal(signed) is None
        assert read_signature(signed).session_token == token


@pytest.mark.parametrize(
    ("query", "same"),
    [
        (b"a=1&b=2", b"b=2&a=1"),
        (b"words=a%2Cb%20c", b"words=a,b%20c"),
        (b"tilde=%7e", b"tilde=~"),
        (b"hex=%2F", b"hex=%2f"),
        (b"empty=", b"empty"),
    ],
)
def test_ways_to_write_the_same_query_are_one(query: bytes, same: bytes) -> None:
    signed = CLIENT.sign(replace(STREAM, query=query), NOW_MS)
    assert refusal(replace(signed, query=same)) is None


def test_what_does_not_change_the_meaning_of_headers_does_not_count() -> None:
    signed = CLIENT.sign(replace(STREAM, headers=[*STREAM.headers, (b"note", b"a  b")]), NOW_MS)
    moved = [(name.title(), b"  " + value + b" ") for name, value in reversed(signed.headers)]
    assert refusal(replace(signed, headers=[*moved, (b"user-agent", b"added on the way")])) is None
    assert refusal(with_header(signed, b"note", b" a b")) is None
    assert refusal(with_header(signed, b"note", b"ab")) is Reason.MISMATCH


def test_a_header_that_comes_several_times_is_signed_in_its_order() -> None:
    signed = CLIENT.sign(replace(STREAM, headers=[*STREAM.headers, (b"note", b"1"), (b"note", b"2")]), NOW_MS)
    assert refusal(signed) is None
    assert refusal(replace(signed, headers=list(reversed(signed.headers)))) is Reason.MISMATCH


def test_the_authority_of_http2_and_the_host_are_told_apart() -> None:
    """A server shows the authority as one more header ``host``, behind the client's own."""
    vector = next(row for row in VECTORS["requests"] if ":authority" in row["name"])
    authority = request_of(vector)
    others = replace(authority, headers=[(b"host", b"another"), *authority.headers])
    assert refusal(others, VECTORS["secret"]) is None
    signed = CLIENT.sign(STREAM, NOW_MS)
    assert refusal(replace(signed, headers=[*signed.headers, (b"host", b"another")])) is None
    assert refusal(replace(signed, headers=[(b"host", b"another"), *signed.headers])) is Reason.MISMATCH


def test_the_hash_of_a_body_is_checked_against_the_body() -> None:
    body, other = b"the body", b"another body"
    plain = CLIENT.sign(STREAM, NOW_MS, body_hash=sha256(body).hexdigest())
    assert refusal(plain, body=body) is None
    assert refusal(plain, body=other) is Reason.MISMATCH
    for claim, of_body, of_stream in (
        (sha256(body).hexdigest(), None, None),
        (sha256(other).hexdigest(), Reason.MISMATCH, None),
        ("UNSIGNED-PAYLOAD", None, None),
        ("STREAMING-AWS4-HMAC-SHA256-EVENTS", Reason.MALFORMED, None),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Reason.MALFORMED, Reason.MALFORMED),
        (sha256(body).hexdigest().upper(), Reason.MALFORMED, Reason.MALFORMED),
        ("", Reason.MALFORMED, Reason.MALFORMED),
    ):
        claiming = replace(STREAM, headers=[*STREAM.headers, (b"x-amz-content-sha256", claim.encode())])
        signed = CLIENT.sign(claiming, NOW_MS, body_hash=claim)
        assert refusal(signed, body=body) is of_body, claim
        assert refusal(signed) is of_stream, claim


def time_refusal(signature: Signature, now_ms: int, **limits: int) -> Reason | None:
    try:
        signature.check_time(now_ms, **limits)
    except SignatureRefused as refused:
        return refused.reason
    return None


def test_clocks_may_differ_by_five_minutes() -> None:
    signature = read_signature(CLIENT.sign(STREAM, NOW_MS))
    five_minutes_ms = 300_000
    for apart_ms in (five_minutes_ms, -five_minutes_ms):
        assert time_refusal(signature, NOW_MS + apart_ms) is None
        further_ms = apart_ms + (1 if apart_ms > 0 else -1)
        assert time_refusal(signature, NOW_MS + further_ms) is Reason.SKEWED
        assert time_refusal(signature, NOW_MS + further_ms, max_skew_ms=300_001) is None


def test_a_presigned_url_is_good_for_as_long_as_it_says() -> None:
    signature = read_signature(CLIENT.presign(SOCKET, NOW_MS, lifetime_s=600))
    assert time_refusal(signature, NOW_MS + 600_000) is None
    assert time_refusal(signature, NOW_MS + 600_001) is Reason.EXPIRED
    assert time_refusal(signature, NOW_MS - 300_000) is None
    assert time_refusal(signature, NOW_MS - 300_001) is Reason.SKEWED


def test_the_lifetime_of_a_url_has_limits() -> None:
    for seconds in (1, 604_800):
        signature = read_signature(CLIENT.presign(SOCKET, NOW_MS, lifetime_s=seconds))
        assert time_refusal(signature, NOW_MS) is None
    for seconds in (0, -1, 604_801, 10**9):
        assert refusal(CLIENT.presign(SOCKET, NOW_MS, lifetime_s=seconds)) is Reason.MALFORMED
    streaming = read_signature(CLIENT.presign(SOCKET, NOW_MS, lifetime_s=301))
    assert time_refusal(streaming, NOW_MS, max_lifetime_ms=300_000) is Reason.MALFORMED
    assert time_refusal(streaming, NOW_MS, max_lifetime_ms=301_000) is None


def scope_refusal(request: Request, region: str | None) -> Reason | None:
    try:
        read_signature(request).check_scope("transcribe", region)
    except SignatureRefused as refused:
        return refused.reason
    return None


def test_a_signature_is_for_one_service_one_region_and_one_day() -> None:
    assert scope_refusal(Client(region="eu-west-1").sign(STREAM, NOW_MS), "eu-west-1") is None
    assert scope_refusal(Client(region="eu-west-1").sign(STREAM, NOW_MS), None) is None
    assert scope_refusal(Client(region="eu-west-1").sign(STREAM, NOW_MS), "eu-west-2") is Reason.WRONG_SCOPE
    assert scope_refusal(Client(service="s3").sign(STREAM, NOW_MS), None) is Reason.WRONG_SCOPE
    later = with_header(CLIENT.sign(STREAM, NOW_MS), b"x-amz-date", stamp(NOW_MS + 86_400_000).encode())
    assert scope_refusal(later, None) is Reason.WRONG_SCOPE


def test_no_signature_at_all_is_told_apart() -> None:
    assert refusal(STREAM) is Reason.MISSING
    assert refusal(SOCKET) is Reason.MISSING


SIGNED = CLIENT.sign(STREAM, NOW_MS)
AUTHORIZATION = dict(SIGNED.headers)[b"authorization"]


@pytest.mark.parametrize(
    ("part", "replacement"),
    [
        (b"AWS4-HMAC-SHA256", b"Bearer"),
        (b"AWS4-HMAC-SHA256", b"AWS4-ECDSA-P256-SHA256"),
        (b" Credential=", b""),
        (b"AKIDTEST/", b""),
        (b"AKIDTEST", b""),
        (b"aws4_request", b"aws4"),
        (b"SignedHeaders=host;", b"SignedHeaders="),
        (b"SignedHeaders", b"signedheaders"),
        (b", Signature=", b", Signature=A"),
        (b", Signature=", b", Signature=0"),
        (b", Signature=", b", Signatur="),
        (b", Signature=", b", Other=1, Signature="),
        (b", ", b" "),
        (AUTHORIZATION, b""),
        (AUTHORIZATION, "AWS4-HMAC-SHA256 ² é".encode()),
    ],
)
def test_an_authorization_of_another_form_is_malformed(part: bytes, replacement: bytes) -> None:
    assert part in AUTHORIZATION
    assert refusal(with_header(SIGNED, b"authorization", AUTHORIZATION.replace(part, replacement))) is Reason.MALFORMED


def test_an_authorization_may_be_written_without_spaces_and_in_any_order() -> None:
    algorithm, _, fields = AUTHORIZATION.partition(b" ")
    moved = algorithm + b" " + b",".join(reversed(fields.split(b", ")))
    assert refusal(with_header(SIGNED, b"authorization", moved)) is None


@pytest.mark.parametrize(
    "dated",
    [
        "",
        "20261120",
        "20261120T123456",
        "20261320T123456Z",
        "20261120T250000Z",
        "２0261120T123456Z",
        "00011120T123456Z",
    ],
)
def test_a_date_of_another_form_is_malformed(dated: str) -> None:
    assert refusal(with_header(SIGNED, b"x-amz-date", dated.encode("utf-8"))) is Reason.MALFORMED


def test_a_request_without_its_date_is_malformed() -> None:
    dateless = [header for header in SIGNED.headers if header[0] != b"x-amz-date"]
    assert refusal(replace(SIGNED, headers=dateless)) is Reason.MALFORMED


def test_a_session_token_has_to_be_signed() -> None:
    client = Client(session_token="of a session")
    assert refusal(client.sign(STREAM, NOW_MS)) is None
    assert refusal(client.sign(STREAM, NOW_MS, leave_out=["x-amz-security-token"])) is Reason.MALFORMED


@pytest.mark.parametrize("name", [b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"])
def test_what_a_signature_is_read_from_comes_once(name: bytes) -> None:
    signed = Client(session_token="of a session").sign(
        replace(STREAM, headers=[*STREAM.headers, (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")]),
        NOW_MS,
        body_hash="UNSIGNED-PAYLOAD",
    )
    assert refusal(signed) is None
    twice = [*signed.headers, *(header for header in signed.headers if header[0] == name)]
    assert refusal(replace(signed, headers=twice)) is Reason.MALFORMED


def test_a_request_is_signed_in_one_way() -> None:
    presigned = CLIENT.presign(SOCKET, NOW_MS)
    assert refusal(presigned) is None
    assert refusal(replace(SIGNED, query=presigned.query)) is Reason.MALFORMED


@pytest.mark.parametrize(
    "name",
    ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"],
)
def test_a_presigned_url_has_every_parameter_once(name: str) -> None:
    presigned = CLIENT.presign(SOCKET, NOW_MS)
    parts = presigned.query.split(b"&")
    (mine,) = (part for part in parts if part.startswith(f"X-Amz-{name}=".encode()))
    missing = b"&".join(part for part in parts if part != mine)
    empty = presigned.query.replace(mine, mine.split(b"=")[0] + b"=")
    for query in (missing, empty, presigned.query + b"&" + mine):
        assert refusal(replace(presigned, query=query)) is Reason.MALFORMED


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_comes_is_believed_or_refused(query: bytes, header: bytes) -> None:
    headers = [*STREAM.headers, (b"x-amz-date", b"20261120T123456Z")]
    prefix = b"X-Amz-Algorithm=AWS4-HMAC-SHA256&"
    assert refusal(replace(STREAM, query=query)) in {Reason.MISSING, Reason.MALFORMED}
    assert refusal(replace(STREAM, query=prefix + query)) is Reason.MALFORMED
    signed = [*headers, (b"authorization", b"AWS4-HMAC-SHA256 " + header)]
    assert refusal(replace(STREAM, headers=signed)) is Reason.MALFORMED


def test_no_refusal_tells_a_secret() -> None:
    client = Client(secret="not to be told", session_token="nor this")
    for signed in (client.sign(STREAM, NOW_MS), client.presign(SOCKET, NOW_MS)):
        changed = replace(signed, path=b"/another")
        with pytest.raises(SignatureRefused) as caught:
            read_signature(changed).verify(changed, client.secret)
        text = str(caught.value)
        assert client.secret not in text
        assert str(client.session_token) not in text
        assert read_signature(signed).value not in text
        assert "localhost:8443" in text
