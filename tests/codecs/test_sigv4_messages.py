"""Laws of the chain of signatures through the messages of a stream."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.codecs.eventstream import HeaderValue, Int64, Message, Timestamp, decode, encode
from dragoman.codecs.sigv4 import ChunkVerifier, Reason, Scope, SignatureRefused
from sigv4_client import Client, MessageSigner

pytestmark = pytest.mark.unit

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
NOW_MS = 1_795_178_096_000
SEED = "5e" * 32
CLIENT = Client()
by_name = pytest.mark.parametrize("chain", VECTORS["chains"], ids=[row["name"] for row in VECTORS["chains"]])


def verifier(secret: str = CLIENT.secret, seed: str = SEED) -> ChunkVerifier:
    return ChunkVerifier(secret, CLIENT.scope(NOW_MS), seed)


def verifier_of(chain: dict[str, Any]) -> ChunkVerifier:
    scope = Scope(chain["date"], chain["region"], VECTORS["service"])
    return ChunkVerifier(VECTORS["secret"], scope, chain["seed"])


def stream(payloads: Sequence[bytes], *, step_ms: int = 100) -> list[Message]:
    """These payloads and the empty one that ends the stream, signed one after the other."""
    signer = MessageSigner(CLIENT, SEED)
    return [decode(signer.sign(payload, NOW_MS + step_ms * at)) for at, payload in enumerate([*payloads, b""])]


def believed(messages: Sequence[Message], by: ChunkVerifier) -> int:
    """How many from the first one on, before one is refused."""
    for count, message in enumerate(messages):
        try:
            assert by.verify(message) == message.payload
        except SignatureRefused:
            return count
    return len(messages)


@by_name
def test_what_amazons_libraries_signed_is_believed(chain: dict[str, Any]) -> None:
    by = verifier_of(chain)
    *inner, end = (by.verify(decode(bytes.fromhex(wire))) for wire in chain["wire"])
    assert [decode(payload).payload.hex() for payload in inner] == chain["payloads"]
    assert end == b""


@by_name
def test_every_message_of_another_secret_is_refused(chain: dict[str, Any]) -> None:
    scope = Scope(chain["date"], chain["region"], VECTORS["service"])
    by = ChunkVerifier(VECTORS["secret"] + " ", scope, chain["seed"])
    for wire in chain["wire"]:
        with pytest.raises(SignatureRefused) as caught:
            by.verify(decode(bytes.fromhex(wire)))
        assert caught.value.reason is Reason.MISMATCH


@given(st.lists(st.binary(max_size=50), max_size=5), st.sampled_from([0, 1, 100, 30_000_000]))
def test_a_whole_stream_is_believed(payloads: list[bytes], step_ms: int) -> None:
    messages = stream(payloads, step_ms=step_ms)
    assert believed(messages, verifier()) == len(messages)


@given(st.lists(st.binary(max_size=50), max_size=5), st.data())
def test_what_is_left_out_repeated_or_moved_is_refused_and_all_behind_it(
    payloads: list[bytes], data: st.DataObject
) -> None:
    messages = stream(payloads)
    order = data.draw(st.lists(st.sampled_from(range(len(messages))), min_size=1, max_size=8))
    assume(order != list(range(len(order))))
    right = next(at for at, number in enumerate(order) if number != at)
    by = verifier()
    assert believed([messages[number] for number in order[:right]], by) == right
    for number in order[right:]:
        if number == right:  # the one whose turn it is, after others in its place
            break
        assert believed([messages[number]], by) == 0


def test_every_flipped_bit_of_a_message_is_refused() -> None:
    (message, _) = stream([b"the audio"])
    payload, signature = message.payload, message.headers[":chunk-signature"]
    assert isinstance(signature, bytes)
    for bit in range(8 * len(payload)):
        flipped = (int.from_bytes(payload, "big") ^ 1 << bit).to_bytes(len(payload), "big")
        assert believed([Message(message.headers, flipped)], verifier()) == 0
    for bit in range(8 * len(signature)):
        flipped = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(len(signature), "big")
        assert believed([Message({**message.headers, ":chunk-signature": flipped}, payload)], verifier()) == 0


def test_the_date_of_a_message_is_signed_to_the_millisecond() -> None:
    (message, _) = stream([b"the audio"])
    assert believed([Message({**message.headers, ":date": Timestamp(NOW_MS + 1)}, message.payload)], verifier()) == 0


def test_a_header_that_was_added_is_refused() -> None:
    (message, _) = stream([b"the audio"])
    assert believed([Message({**message.headers, "more": True}, message.payload)], verifier()) == 0


def test_the_chain_begins_with_the_signature_of_the_request() -> None:
    messages = stream([b"the audio"])
    assert believed(messages, verifier(seed="5f" * 32)) == 0
    assert believed(messages, verifier(secret="another")) == 0


def test_a_signed_message_is_taken_as_it_comes_off_the_wire() -> None:
    inner = encode(Message({":event-type": "AudioEvent"}, b"\x01\x02"))
    wire = MessageSigner(CLIENT, SEED).sign(inner, NOW_MS)
    assert decode(verifier().verify(decode(wire))).payload == b"\x01\x02"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {":date": Timestamp(NOW_MS)},
        {":chunk-signature": bytes(32)},
        {":date": Int64(NOW_MS), ":chunk-signature": bytes(32)},
        {":date": Timestamp(NOW_MS), ":chunk-signature": "00" * 32},
        {":date": Timestamp(-1), ":chunk-signature": bytes(32)},
        {":date": Timestamp(2**63 - 1), ":chunk-signature": bytes(32)},
    ],
)
def test_a_message_that_is_not_signed_is_malformed(headers: dict[str, HeaderValue]) -> None:
    with pytest.raises(SignatureRefused) as caught:
        verifier().verify(Message(headers, b"the audio"))
    assert caught.value.reason is Reason.MALFORMED


def test_a_signature_of_another_length_is_refused() -> None:
    (message, _) = stream([b"the audio"])
    for signature in (b"", message.headers[":chunk-signature"][:-1], bytes(33)):
        assert believed([Message({**message.headers, ":chunk-signature": signature}, b"the audio")], verifier()) == 0
