"""Laws of event stream messages. The vectors were made by Amazon's own libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from struct import pack
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.codecs.eventstream import (
    Decoder,
    HeaderValue,
    Int8,
    Int16,
    Int32,
    Int64,
    MalformedMessage,
    Message,
    Timestamp,
    decode,
    encode,
    encode_headers,
)

pytestmark = pytest.mark.unit

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))["messages"]
TYPES: dict[str, Callable[[Any], HeaderValue]] = {
    "boolean": bool,
    "byte": Int8,
    "short": Int16,
    "integer": Int32,
    "long": Int64,
    "bytes": bytes.fromhex,
    "string": str,
    "timestamp": Timestamp,
    "uuid": UUID,
}
AUDIO = Message({":message-type": "event", ":event-type": "AudioEvent", ":date": Timestamp(1_700_000_000_000)}, b"\x01")


def whole_numbers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


texts = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=40)
values: st.SearchStrategy[HeaderValue] = st.one_of(
    st.booleans(),
    whole_numbers(8).map(Int8),
    whole_numbers(16).map(Int16),
    whole_numbers(32).map(Int32),
    whole_numbers(64).map(Int64),
    st.binary(max_size=60),
    texts,
    whole_numbers(64).map(Timestamp),
    st.uuids(),
)
messages = st.builds(Message, st.dictionaries(texts.filter(bool), values, max_size=6), st.binary(max_size=200))


def typed(message: Message) -> list[tuple[str, type, HeaderValue]]:
    """``Int8(5) == Int64(5)``, so equality of messages says less than this."""
    return [(name, type(value), value) for name, value in message.headers.items()]


def sealed(total: int, headers_size: int, rest: bytes = b"") -> bytes:
    """Lengths with their right checksum, then the rest with the right one behind it, whether or not they agree."""
    lengths = pack(">II", total, headers_size)
    start = lengths + pack(">I", crc32(lengths)) + rest
    return start + pack(">I", crc32(start))


def with_headers(raw: bytes, payload: bytes = b"") -> bytes:
    """A message with right checksums around headers that may be anything."""
    return sealed(len(raw) + len(payload) + 16, len(raw), raw + payload)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_messages_are_those_of_amazons_libraries(vector: dict[str, Any]) -> None:
    headers = {name: TYPES[kind](value) for name, kind, value in vector["headers"]}
    message = Message(headers, bytes.fromhex(vector["payload"]))
    wire = bytes.fromhex(vector["wire"])
    assert encode(message) == wire
    read = decode(wire)
    assert (typed(read), read.payload) == (typed(message), message.payload)


def test_the_vectors_have_every_type() -> None:
    assert {kind for vector in VECTORS for _, kind, _ in vector["headers"]} == TYPES.keys()


@given(messages)
def test_what_was_encoded_is_decoded(message: Message) -> None:
    read = decode(encode(message))
    assert (typed(read), read.payload) == (typed(message), message.payload)


@given(st.lists(messages, max_size=4), st.data())
def test_a_stream_may_come_in_any_pieces(sent: list[Message], data: st.DataObject) -> None:
    wire = b"".join(map(encode, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    decoder = Decoder()
    pieces = [wire[start:end] for start, end in pairwise([0, *cuts, len(wire)])]
    assert [message for piece in pieces for message in decoder.feed(piece)] == sent
    decoder.finish()


def test_a_stream_may_be_cut_at_every_byte() -> None:
    sent = [AUDIO, Message({}), AUDIO]
    wire = b"".join(map(encode, sent))
    for cut in range(len(wire) + 1):
        decoder = Decoder()
        assert decoder.feed(wire[:cut]) + decoder.feed(wire[cut:]) == sent
    decoder = Decoder()
    assert [message for byte in wire for message in decoder.feed(bytes((byte,)))] == sent


def test_a_message_is_there_with_its_last_byte() -> None:
    wire = encode(AUDIO)
    decoder = Decoder()
    assert decoder.feed(wire[:-1]) == []
    assert decoder.feed(wire[-1:] + wire[:1]) == [AUDIO]


def test_every_flipped_bit_is_found() -> None:
    wire = encode(AUDIO)
    for bit in range(8 * len(wire)):
        broken = bytearray(wire)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(MalformedMessage):
            decode(bytes(broken))
        with pytest.raises(MalformedMessage):
            Decoder().feed(bytes(broken))


def test_wrong_lengths_are_refused_before_the_rest_has_come() -> None:
    prelude = bytearray(encode(AUDIO)[:12])
    for bit in range(8 * len(prelude)):
        prelude[bit // 8] ^= 1 << bit % 8
        with pytest.raises(MalformedMessage, match="checksum"):
            Decoder().feed(bytes(prelude))
        prelude[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize(
    ("total", "headers_size"), [(2**31, 0), (2**32 - 1, 100), (2**31, 2**31 - 16), (150_000, 140_000)]
)
def test_a_claim_of_too_much_is_refused_with_its_twelfth_byte(total: int, headers_size: int) -> None:
    prelude = sealed(total, headers_size)[:12]
    decoder = Decoder()
    assert decoder.feed(prelude[:11]) == []
    with pytest.raises(MalformedMessage, match="over"):
        decoder.feed(prelude[11:])
    with pytest.raises(MalformedMessage):
        decode(prelude)


@given(messages)
def test_limits_are_the_longest_that_pass(message: Message) -> None:
    wire = encode(message)
    headers_size, payload_size = len(encode_headers(message.headers)), len(message.payload)
    assert Decoder(headers_size, payload_size).feed(wire) == [message]
    with pytest.raises(MalformedMessage, match="payload"):
        Decoder(headers_size, payload_size - 1).feed(wire)
    with pytest.raises(MalformedMessage, match="headers"):
        Decoder(headers_size - 1, payload_size).feed(wire)


@pytest.mark.parametrize(("total", "headers_size"), [(0, 0), (15, 0), (16, 1), (40, 25), (40, 2**32 - 1)])
def test_lengths_that_contradict_each_other_are_refused(total: int, headers_size: int) -> None:
    wire = sealed(total, headers_size, bytes(24))
    with pytest.raises(MalformedMessage):
        decode(wire)
    with pytest.raises(MalformedMessage):
        Decoder().feed(wire)


def test_after_a_refusal_nothing_is_taken_any_more() -> None:
    wire = encode(AUDIO)
    decoder = Decoder()
    with pytest.raises(MalformedMessage, match="checksum"):
        decoder.feed(wire[:-1] + bytes((wire[-1] ^ 1,)))
    with pytest.raises(MalformedMessage, match="checksum"):
        decoder.feed(wire)
    with pytest.raises(MalformedMessage, match="checksum"):
        decoder.finish()


@given(messages, st.binary(min_size=1, max_size=30))
def test_nothing_may_follow_a_single_message(message: Message, garbage: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(encode(message) + garbage)


@given(messages, st.data())
def test_a_message_that_is_cut_short_is_refused_at_the_end(message: Message, data: st.DataObject) -> None:
    wire = encode(message)
    part = wire[: data.draw(st.integers(1, len(wire) - 1))]
    decoder = Decoder()
    assert decoder.feed(wire + part) == [message]
    with pytest.raises(MalformedMessage, match="ended"):
        decoder.finish()
    with pytest.raises(MalformedMessage):
        decode(part)


@given(values, values)
def test_a_header_may_come_once(first: HeaderValue, second: HeaderValue) -> None:
    raw = encode_headers({"name": first}) + encode_headers({"other": True}) + encode_headers({"name": second})
    with pytest.raises(MalformedMessage, match="twice"):
        decode(with_headers(raw))


@given(values)
def test_a_header_that_is_cut_short_is_refused(value: HeaderValue) -> None:
    raw = encode_headers({"name": value})
    for end in range(1, len(raw)):
        with pytest.raises(MalformedMessage):
            decode(with_headers(raw[:end], b"a payload that must not be read as the rest of it"))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\x00\x00", id="no name"),
        pytest.param(b"\x02\xff\xfe\x00", id="name not in UTF-8"),
        pytest.param(b"\x01n\x07\x00\x02\xff\xfe", id="string not in UTF-8"),
        *(pytest.param(b"\x01n" + bytes((code,)) + bytes(20), id=f"type {code}") for code in (10, 11, 128, 255)),
    ],
)
def test_headers_of_another_form_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(with_headers(raw))


@pytest.mark.parametrize("code", [6, 7])
def test_a_value_that_could_not_be_sent_back_is_refused(code: int) -> None:
    raw = b"\x01n" + bytes((code,)) + pack(">H", 32_768) + bytes(32_768)
    with pytest.raises(MalformedMessage, match="32768"):
        decode(with_headers(raw))


@given(st.binary(max_size=60))
def test_any_headers_are_read_or_refused(raw: bytes) -> None:
    try:
        message = decode(with_headers(raw))
    except MalformedMessage:
        return
    assert encode_headers(message.headers) == raw


@pytest.mark.parametrize(
    "headers",
    [
        {"": True},
        {"n" * 256: True},
        {"é" * 128: True},
        {"name": "é" * 16_384},
        {"name": bytes(32_768)},
        {"name": Int8(128)},
        {"name": Int16(-32_769)},
        {"name": Int32(2**31)},
        {"name": Timestamp(2**63)},
    ],
)
def test_what_the_format_cannot_hold_is_not_encoded(headers: dict[str, HeaderValue]) -> None:
    with pytest.raises(ValueError, match="header"):
        encode(Message(headers))


def test_the_longest_names_and_values_are_read_back() -> None:
    message = Message({"n" * 255: bytes(32_767), "é": "x" * 32_767})
    assert Decoder().feed(encode(message)) == [message]
