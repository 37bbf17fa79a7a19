"""The conversation of StartStreamTranscription: messages in any pieces, signed and not, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.apis.amazon_transcribe import errors as amazon
from dragoman.apis.amazon_transcribe import stream
from dragoman.apis.amazon_transcribe.framing import MAX_CHUNK, BodyFraming, Opener, SocketFraming
from dragoman.apis.amazon_transcribe.parameters import Parameters
from dragoman.apis.amazon_transcribe.result import TranscriptResults
from dragoman.apis.amazon_transcribe.stream import TranscriptionStream
from dragoman.codecs.eventstream import Message, decode, encode
from dragoman.codecs.sigv4 import ChunkVerifier, Reason, SignatureRefused
from dragoman.core.errors import AccessDenied, AudioTooLong, DragomanError, IncompleteUpload, InvalidRequest, all_errors
from dragoman.core.events import Final
from dragoman.core.request import RecognitionRequest
from dragoman.transport.base import Audio, Command, Finish, Opening
from scripted import spoken
from sigv4_client import Client, MessageSigner

pytestmark = pytest.mark.unit

KEY = Client()
SEED = "0" * 64
NOW_MS = 1_790_000_000_000
PIECES = [b"\1\0" * 800, b"\2\0" * 801, b"\3"]


def audio_event(audio: bytes, **headers: str) -> bytes:
    known = {":message-type": "event", ":event-type": "AudioEvent", ":content-type": "application/octet-stream"}
    return encode(Message({**known, **headers}, audio))


def conversation(opener: Opener | None = None) -> TranscriptionStream:
    results = TranscriptResults(Parameters(("en-US",), 16_000, "session"))
    return TranscriptionStream(
        Opening(RecognitionRequest(), 16_000), opener or Opener(BodyFraming()), results, channels=1
    )


def signed_conversation(*, key: Client = KEY, must: bool = True) -> TranscriptionStream:
    chain = ChunkVerifier(key.secret, key.scope(NOW_MS), SEED)
    return conversation(Opener(BodyFraming(), chain, signed=must))


def signed(messages: Sequence[bytes], key: Client = KEY) -> list[bytes]:
    signer = MessageSigner(key, SEED)
    return [signer.sign(message, NOW_MS) for message in messages]


def heard(of: TranscriptionStream, data: Sequence[bytes]) -> list[Command]:
    return [command for piece in data for command in of.receive(piece)]


WHOLE = [*map(audio_event, PIECES), audio_event(b"")]
SAID = [*map(Audio, PIECES), Finish()]


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 10_000])
@pytest.mark.parametrize("is_signed", [False, True])
def test_messages_come_in_pieces_of_any_size(size: int, is_signed: bool) -> None:
    data = b"".join(signed([*WHOLE[:-1], b""]) if is_signed else WHOLE)
    of = signed_conversation() if is_signed else conversation()
    assert heard(of, [data[at : at + size] for at in range(0, len(data), size)]) == SAID


@given(st.lists(st.integers(0, 3500), max_size=8))
def test_wherever_they_are_split(places: list[int]) -> None:
    data = b"".join(WHOLE)
    cuts = [0, *sorted(places), len(data)]
    pieces = [data[one:other] for one, other in pairwise(cuts) if data[one:other]]
    assert heard(conversation(), pieces) == SAID


@pytest.mark.parametrize(
    "ending",
    [
        [audio_event(b"")],
        [encode(Message({}))],
        [b""],
        [audio_event(b""), b""],
        [audio_event(b""), audio_event(b"more"), b""],
    ],
)
def test_a_stream_ends_once_however_it_is_said(ending: list[bytes]) -> None:
    assert heard(conversation(), [*map(audio_event, PIECES), *ending]) == SAID


def test_the_signed_end_is_around_nothing() -> None:
    of = signed_conversation()
    assert heard(of, signed([audio_event(b"\0\0"), b""])) == [Audio(b"\0\0"), Finish()]
    assert heard(of, [b""]) == []


def test_a_body_that_ends_inside_of_a_message_is_refused() -> None:
    of = conversation()
    of.receive(WHOLE[0][:-1])
    with pytest.raises(InvalidRequest):
        of.receive(b"")


def test_a_socket_has_a_message_a_frame() -> None:
    assert heard(conversation(Opener(SocketFraming())), [*WHOLE[:-1], b""]) == SAID
    for frame in (WHOLE[0] + WHOLE[1], WHOLE[0][:-1]):
        with pytest.raises(InvalidRequest):
            conversation(Opener(SocketFraming())).receive(frame)


def test_text_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        conversation().receive("audio")


@pytest.mark.parametrize(
    "messages",
    [
        signed(WHOLE, replace(KEY, secret="another secret")),
        signed(WHOLE)[1:],
        [signed(WHOLE)[0]] * 2,
        list(reversed(signed(WHOLE))),
        WHOLE,
        [signed(WHOLE)[0], WHOLE[1]],
        [encode(Message({":chunk-signature": bytes(32)}, WHOLE[0]))],
        [encode(Message({":chunk-signature": "text", ":date": "today"}, WHOLE[0]))],
    ],
    ids=["secret", "left out", "repeated", "order", "unsigned", "one unsigned", "no date", "other types"],
)
def test_a_chain_that_does_not_hold_ends_the_stream(messages: list[bytes]) -> None:
    of = signed_conversation()
    with pytest.raises(InvalidRequest):
        heard(of, messages)


def test_what_follows_a_broken_chain_is_refused_too() -> None:
    of, messages = signed_conversation(), signed(WHOLE)
    of.receive(messages[0])
    for message in messages[2:]:
        with pytest.raises(InvalidRequest):
            of.receive(message)


def test_where_it_may_be_messages_are_signed_or_not() -> None:
    assert heard(signed_conversation(must=False), WHOLE) == SAID
    assert heard(signed_conversation(must=False), signed(WHOLE)) == SAID
    with pytest.raises(InvalidRequest):
        heard(signed_conversation(must=False), signed(WHOLE, replace(KEY, secret="another secret")))


def test_without_keys_signatures_are_not_looked_at() -> None:
    assert heard(conversation(), signed(WHOLE, replace(KEY, secret="any"))) == SAID


@pytest.mark.parametrize(
    "message",
    [
        audio_event(bytes(MAX_CHUNK + 1)),
        audio_event(b"\0\0", **{":message-type": "exception"}),
        audio_event(b"\0\0", **{":event-type": "TranscriptEvent"}),
        encode(Message({":event-type": "AudioEvent"}, b"\0\0")),
        encode(Message({":message-type": "event"}, b"\0\0")),
        encode(Message({}, b"\0\0")),
        WHOLE[0][:-1] + b"\xff",
        bytes(16),
        (2 << 30).to_bytes(4) + bytes(12),
        b"GET / HTTP/1.1\r\n\r\n",
        *(
            audio_event(content, **{":event-type": "ConfigurationEvent"})
            for content in (
                b"",
                b"[]",
                b"\xff",
                b'{"Other": 1}',
                b'{"ChannelDefinitions": [{"ChannelId": 0}]}',
                b'{"ChannelDefinitions": [{"ChannelId": 2, "ParticipantRole": "AGENT"}]}',
                b'{"ChannelDefinitions": [{"ChannelId": 0, "ParticipantRole": "OTHER"}]}',
                b'{"PostCallAnalyticsSettings": {}}',
                b"[" * 20_000,
            )
        ),
    ],
)
def test_what_means_nothing_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidRequest):
        conversation().receive(message)


def test_the_largest_chunk_is_taken_signed_and_not() -> None:
    largest = audio_event(bytes(MAX_CHUNK))
    assert heard(conversation(), [largest]) == heard(signed_conversation(), signed([largest]))


@given(st.binary(max_size=60))
def test_whatever_comes_is_understood_or_refused(data: bytes) -> None:
    for framing in (BodyFraming(), SocketFraming()):
        with suppress(InvalidRequest):
            assert heard(conversation(Opener(framing)), [data]) in ([], [Finish()])


def told(error: DragomanError) -> tuple[Any, Any]:
    (frame,) = stream.fail(error)
    assert isinstance(frame, bytes)
    message = decode(frame)
    assert (message.headers[":message-type"], message.headers[":content-type"]) == ("exception", "application/json")
    return message.headers[":exception-type"], msgspec.json.decode(message.payload)


MODELLED = {
    "BadRequestException",
    "LimitExceededException",
    "InternalFailureException",
    "ConflictException",
    "ServiceUnavailableException",
}


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_a_stream_ends_with_an_exception_of_the_service(kind: type[DragomanError]) -> None:
    name, body = told(kind("a reason"))
    assert name in MODELLED or kind.code in ("access_denied", "method_not_allowed")
    assert body == {"Message": "a reason"} or kind is IncompleteUpload


def test_silence_is_told_in_the_services_words() -> None:
    silent = "Your request timed out because no new audio was received for 15 seconds."
    assert told(IncompleteUpload()) == ("BadRequestException", {"Message": silent})


def test_a_stream_that_is_too_long_exceeds_a_limit() -> None:
    assert told(AudioTooLong())[0] == "LimitExceededException"


@pytest.mark.parametrize("reason", Reason)
def test_a_refused_signature_has_its_own_name(reason: Reason) -> None:
    refused = AccessDenied("why")
    refused.__cause__ = SignatureRefused(reason, "why")
    assert told(refused) == (amazon.REFUSALS[reason], {"Message": "why"})
    assert amazon.say(refused).status == 403


def test_events_are_frames() -> None:
    of = conversation()
    assert list(of.frames()) == []
    of.deliver(Final(spoken("Hello.")))
    (frame,) = of.frames()
    assert isinstance(frame, bytes)
    (result,) = msgspec.json.decode(decode(frame).payload)["Transcript"]["Results"]
    assert result["Alternatives"][0]["Transcript"] == "Hello."
    assert list(of.frames()) == []
