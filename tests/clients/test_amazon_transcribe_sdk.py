"""AWS's own Python package for streams, as it is, against ``dragoman serve`` over TLS with verified signatures."""

from __future__ import annotations

import asyncio
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
import pytest
import websockets

from amazon_server import KEY, Served, serving
from dragoman.codecs import eventstream
from dragoman.codecs.eventstream import Message, decode
from dragoman.codecs.sigv4 import Request
from recordings import encode, speech
from sigv4_client import Client, MessageSigner

pytest.importorskip("amazon_transcribe", reason="needs amazon-transcribe")

from amazon_transcribe.auth import StaticCredentialResolver
from amazon_transcribe.client import TranscribeStreamingClient
from amazon_transcribe.endpoints import StaticEndpointResolver
from amazon_transcribe.exceptions import BadRequestException, ConflictException, UnknownServiceException

pytestmark = pytest.mark.client

TIMEOUT_S = 60
RATE = 16_000
PIECE = 3_200


def noise(seconds: float, seed: int = 1) -> bytes:
    """The recogniser by script takes everything for speech."""
    return random.Random(seed).randbytes(round(seconds * RATE) * 2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Recognises by script."""
    with serving(tmp_path_factory.mktemp("server"), "--engine", "fake") as served:
        yield served


def sdk(server: Served, key: Client = KEY) -> TranscribeStreamingClient:
    """A client as users make it, but for the address."""
    return TranscribeStreamingClient(
        region="eu-central-1",
        endpoint_resolver=StaticEndpointResolver(server.url),
        credential_resolver=StaticCredentialResolver(key.access_key, key.secret, key.session_token),
    )


async def disconnect(client: TranscribeStreamingClient) -> None:
    """The package itself leaves its connections open."""
    for connection in client._session_manager._connections.values():
        await asyncio.wrap_future(connection.close())


async def transcribe(client: TranscribeStreamingClient, audio: bytes, **options: Any) -> tuple[Any, list[Any]]:
    """The reply to a stream, and all of its results."""
    asked = {"language_code": "en-US", "media_sample_rate_hz": RATE, "media_encoding": "pcm", **options}
    async with asyncio.timeout(TIMEOUT_S):
        stream = await client.start_stream_transcription(**asked)

        async def send() -> None:
            for at in range(0, len(audio), PIECE):
                await stream.input_stream.send_audio_event(audio_chunk=audio[at : at + PIECE])
            await stream.input_stream.end_stream()

        sending = asyncio.create_task(send())
        results = [result async for event in stream.output_stream for result in event.transcript.results]
        await sending
        return stream.response, results


async def heard_out(stream: Any) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        async for _ in stream.output_stream:
            pass


def text(results: list[Any]) -> str:
    return " ".join(result.alternatives[0].transcript for result in results if not result.is_partial)


async def test_speech_is_transcribed(server: Served) -> None:
    client = sdk(server)
    reply, results = await transcribe(client, noise(4), enable_partial_results_stabilization=True)
    await disconnect(client)
    assert reply.request_id
    assert re.fullmatch("[0-9a-f-]{36}", reply.session_id)
    assert (reply.language_code, reply.media_sample_rate_hz, reply.media_encoding) == ("en-US", RATE, "pcm")
    assert reply.enable_partial_results_stabilization is True
    assert len(text(results).split()) > 5
    assert any(result.is_partial for result in results)
    for result in results:
        assert result.start_time <= result.end_time <= 4.0
        items = result.alternatives[0].items
        assert "".join(item.content for item in items) == result.alternatives[0].transcript.replace(" ", "")
        assert all(
            (item.confidence is None) is (result.is_partial or item.item_type == "punctuation") for item in items
        )


async def test_a_real_recording_is_transcribed_in_every_encoding(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    """By the embedded recogniser."""
    spoken = speech(sample("two_cities"), RATE, 4.0)
    pcm = (spoken * 32767).astype("<i2")
    silent = np.zeros_like(spoken)
    with serving(tmp_path, "--workers", "1") as served:
        client = sdk(served)
        both = {"enable_channel_identification": True, "number_of_channels": 2}
        heard = {
            "pcm": await transcribe(client, pcm.tobytes()),
            "flac": await transcribe(client, encode(spoken[np.newaxis], RATE, "flac", "flac"), media_encoding="flac"),
            "opus": await transcribe(
                client, encode(spoken[np.newaxis], RATE, "libopus", "ogg"), media_encoding="ogg-opus"
            ),
            "channels": await transcribe(
                client, encode(np.stack([silent, spoken]), RATE, "flac", "flac"), media_encoding="flac", **both
            ),
        }
        with pytest.raises(BadRequestException):
            await transcribe(client, encode(spoken[np.newaxis], 8_000, "flac", "flac"), media_encoding="flac")
        await disconnect(client)
    for results in heard.values():
        assert {"best", "worst", "times"} <= set(re.findall(r"\w+", text(results[1]).lower()))
    assert {result.channel_id for result in heard["channels"][1]} == {"ch_1"}
    assert {result.channel_id for result in heard["pcm"][1]} == {None}


def speakers(results: list[Any]) -> list[tuple[int, set[str]]]:
    """Of each final result: when it begins, in milliseconds, and who says its words."""
    return [
        (round(result.start_time * 1000), {item.speaker for item in result.alternatives[0].items if item.confidence})
        for result in results
        if not result.is_partial
    ]


async def test_speakers_are_told_apart(server: Served) -> None:
    loud = np.frombuffer(noise(6), "<i2")
    audio = np.concatenate([loud // 5, loud, loud // 5]).astype("<i2").tobytes()
    client = sdk(server)
    reply, results = await transcribe(client, audio, show_speaker_label=True)
    _, unlabelled = await transcribe(client, audio)
    await disconnect(client)
    assert reply.show_speaker_label is True
    assert speakers(results)[0][1] == {"0"}
    assert set().union(*(each for _, each in speakers(results))) == {"0", "1"}
    assert set().union(*(each for _, each in speakers(unlabelled))) == {None}
    assert all(item.speaker is None for each in results if each.is_partial for item in each.alternatives[0].items)


async def test_voices_of_real_recordings_are_told_apart(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    """By the embedded recogniser: two readers, one after the other and the first one again."""
    parts = [("two_cities", 0.0, 5.0), ("endgame_nagg_nell", 23.6, 3.8), ("two_cities", 5.0, 5.0)]
    spoken = [speech(sample(name), RATE, seconds, start_s=at) for name, at, seconds in parts]
    audio = np.concatenate([each for part in spoken for each in (part, np.zeros(RATE))])
    with serving(tmp_path, "--workers", "1") as served:
        client = sdk(served)
        _, results = await transcribe(client, (audio * 32767).astype("<i2").tobytes(), show_speaker_label=True)
        await disconnect(client)
    told = speakers(results)
    assert [each for start_ms, each in told if start_ms < 5_900] == [{"0"}] * sum(at < 5_900 for at, _ in told)
    assert [each for start_ms, each in told if start_ms > 10_700] == [{"0"}] * sum(at > 10_700 for at, _ in told)
    assert {"1"} in [each for start_ms, each in told if 5_900 <= start_ms < 10_700]


async def test_two_streams_on_one_connection_do_not_mix(server: Served) -> None:
    client = sdk(server)
    one, other = await asyncio.gather(transcribe(client, noise(3, seed=1)), transcribe(client, noise(3, seed=2)))
    alone = await transcribe(client, noise(3, seed=2))
    assert len(client._session_manager._connections) == 1
    await disconnect(client)
    assert text(one[1]) != text(other[1]) == text(alone[1]) != ""


@pytest.mark.parametrize("key", [replace(KEY, secret="another-secret"), replace(KEY, access_key="AKIDMALLORY")])
async def test_who_does_not_know_the_secret_is_not_served(server: Served, key: Client) -> None:
    client = sdk(server, key)
    with pytest.raises(UnknownServiceException, match=r"InvalidSignature|UnrecognizedClient") as refused:
        await transcribe(client, noise(1))
    await disconnect(client)
    assert refused.value.status_code == 403


async def test_a_session_token_is_signed_and_taken(server: Served) -> None:
    client = sdk(server, replace(KEY, session_token="a token"))
    assert text((await transcribe(client, noise(1)))[1])
    await disconnect(client)


async def test_what_is_wrong_has_its_class(server: Served) -> None:
    client = sdk(server)
    for options in (
        {"media_sample_rate_hz": 4_000},
        {"language_code": "de-DE"},
        {"vocabulary_name": "missing"},
        {"content_redaction_type": "PII", "content_identification_type": "PII"},
    ):
        with pytest.raises(BadRequestException, match=r"sample-rate|language-code|vocabulary-name|content-redaction"):
            await transcribe(client, noise(1), **options)
    await disconnect(client)


async def test_a_chunk_that_is_too_long_ends_the_stream_alone(server: Served) -> None:
    client = sdk(server)
    stream = await client.start_stream_transcription(
        language_code="en-US", media_sample_rate_hz=RATE, media_encoding="pcm"
    )
    await stream.input_stream.send_audio_event(audio_chunk=bytes(33 * 1024))
    with pytest.raises(BadRequestException, match="AudioChunk"):
        await heard_out(stream)
    await stream.input_stream.end_stream()
    assert text((await transcribe(client, noise(1)))[1])
    await disconnect(client)


async def test_of_a_session_the_newest_stream_lives(server: Served) -> None:
    client, session = sdk(server), str(uuid4())
    first = await client.start_stream_transcription(
        language_code="en-US", media_sample_rate_hz=RATE, media_encoding="pcm", session_id=session
    )
    reply, results = await transcribe(client, noise(1), session_id=session)
    assert reply.session_id == session
    assert text(results)
    with pytest.raises(ConflictException):
        await heard_out(first)
    await first.input_stream.end_stream()
    await disconnect(client)


async def over_websocket(server: Served, url: str, messages: list[bytes]) -> tuple[Any, list[Message]]:
    """The headers of the reply, and what was heard until the server closed."""
    trust = ssl.create_default_context(cafile=server.authority)
    heard = []
    async with asyncio.timeout(TIMEOUT_S), websockets.connect(url, ssl=trust) as socket:
        for message in messages:
            await socket.send(message)
        with suppress(websockets.ConnectionClosedError):
            async for frame in socket:
                assert isinstance(frame, bytes)
                heard.append(decode(frame))
        assert socket.response is not None
        return socket.response.headers, heard


def presigned(server: Served, key: Client, **options: str) -> Request:
    asked = {"language-code": "en-US", "media-encoding": "pcm", "sample-rate": str(RATE), **options}
    query = "&".join(f"{name}={value}" for name, value in asked.items()).encode()
    request = Request("GET", b"/stream-transcription-websocket", query, [(b"host", server.host.encode())])
    return key.presign(request, int(time.time() * 1000))


def audio_event(audio: bytes) -> bytes:
    headers = {":message-type": "event", ":event-type": "AudioEvent", ":content-type": "application/octet-stream"}
    return eventstream.encode(Message(headers, audio))


@pytest.mark.parametrize("signed", [False, True])
async def test_a_websocket_of_a_presigned_url(server: Served, signed: bool) -> None:
    request = presigned(server, KEY)
    url = f"wss://{server.host}{request.path.decode()}?{request.query.decode()}"
    audio = noise(2)
    messages = [audio_event(audio[at : at + PIECE]) for at in range(0, len(audio), PIECE)]
    if signed:
        signer = MessageSigner(KEY, url.rpartition("=")[2])
        messages = [signer.sign(message, int(time.time() * 1000)) for message in (*messages, b"")]
    else:
        messages.append(audio_event(b""))
    headers, heard = await over_websocket(server, url, messages)
    assert headers["x-amzn-requestid"]
    assert headers["x-amzn-transcribe-session-id"]
    assert {message.headers[":event-type"] for message in heard} == {"TranscriptEvent"}
    last = msgspec.json.decode(heard[-1].payload)["Transcript"]["Results"][0]
    assert last["IsPartial"] is False
    assert last["Alternatives"][0]["Transcript"]


async def test_a_websocket_of_a_wrong_signature_hears_why(server: Served) -> None:
    request = presigned(server, replace(KEY, secret="another-secret"))
    url = f"wss://{server.host}{request.path.decode()}?{request.query.decode()}"
    _, (message,) = await over_websocket(server, url, [])
    assert message.headers[":message-type"] == "exception"
    assert message.headers[":exception-type"] == "InvalidSignatureException"
