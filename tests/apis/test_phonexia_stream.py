"""Phonexia's streams: laws of the growing result, and of the conversation over a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.apis.phonexia_v1 import stream, translate
from dragoman.apis.phonexia_v1.stream import NEXT, SocketStream, State
from dragoman.apis.phonexia_v1.stream_result import StreamResult
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import DragomanError, InvalidRequest, UndecodableAudio, UnsupportedOption
from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.request import Phrase, RecognitionRequest
from dragoman.core.spacing import joined
from dragoman.core.transcript import Transcript
from dragoman.service.vocabulary import CheckedPhrase, CheckedVocabulary
from dragoman.transport.base import Audio, Command, Finish, Opening, Prefer
from scripted import spoken
from strategies import transcripts

pytestmark = pytest.mark.unit


def result() -> StreamResult:
    return StreamResult("EN_US_1", "task", "stream")


def said(of: StreamResult) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(msgspec.json.encode(of.said()))
    return decoded


@st.composite
def events(draw: st.DrawFn) -> tuple[Transcript, list[SpeechEvent]]:
    """A transcript, and a live stream that comes to say it: with partials, and noise that was nothing after all."""
    transcript = draw(transcripts(max_channels=1))
    heard: list[SpeechEvent] = []
    for segment in transcript.segments:
        beginning = SpeechStarted(segment.index, 0, segment.start_ms)
        ending = SpeechEnded(segment.index, 0, segment.end_ms)
        partials = [
            Partial(replace(segment, words=segment.words[:count], text=joined(w.text for w in segment.words[:count])))
            for count in draw(st.lists(st.integers(1, max(1, len(segment.words))), max_size=3))
        ]
        if draw(st.booleans()):
            heard += [beginning, *partials, ending]
        heard += [beginning, *partials, Final(segment), ending]
    return transcript, [*heard, Finished(transcript.duration_ms, "en", "model")]


@given(events())
def test_the_last_result_is_that_of_the_recording(heard: tuple[Transcript, list[SpeechEvent]]) -> None:
    transcript, stream_of = heard
    live = result()
    for event in stream_of:
        live.deliver(event)
    recording = msgspec.to_builtins(translate.recognition(transcript, "a.wav", "EN_US_1"))
    last = said(live)
    assert last["segmentation"] == recording["segmentation"]
    assert last["transcription"] == recording["transcription"]


@given(events())
def test_only_what_is_open_changes(heard: tuple[Transcript, list[SpeechEvent]]) -> None:
    """What stood before the last ``<segment>`` without an end stays where it was."""
    live = result()
    closed: list[Any] = []
    for event in heard[1]:
        live.deliver(event)
        items = said(live)["segmentation"]
        assert items[: len(closed)] == closed
        ends = [number for number, item in enumerate(items) if item["word"] == "</segment>"]
        closed = items[: ends[-1] + 1] if ends else []
        assert sum(item["word"] == "<segment>" for item in items[len(closed) :]) <= 1


@given(events())
def test_there_is_news_exactly_when_something_changed(heard: tuple[Transcript, list[SpeechEvent]]) -> None:
    """A partial that says the same as the one before is news too: speech goes on, and is listened to."""
    live = result()
    before = said(live)
    for event in heard[1]:
        is_news = live.deliver(event)
        after = said(live)
        assert is_news or before == after
        assert not is_news or before != after or isinstance(event, Final | Partial)
        before = after


@given(events())
def test_only_the_end_is_the_last(heard: tuple[Transcript, list[SpeechEvent]]) -> None:
    live = result()
    marks = []
    for event in heard[1]:
        live.deliver(event)
        marks.append(said(live)["is_last"])
    assert marks == [False] * (len(marks) - 1) + [True]


@given(events())
def test_items_are_in_the_order_of_time_at_every_moment(heard: tuple[Transcript, list[SpeechEvent]]) -> None:
    live = result()
    for event in heard[1]:
        live.deliver(event)
        for before, after in pairwise(said(live)["segmentation"]):
            assert before["start"] <= before["end"] <= after["start"]


def socket(*, phrases: bool = True) -> SocketStream:
    capabilities = Capabilities("model", "1", ("en",), phrases=phrases)
    return SocketStream(Opening(RecognitionRequest(), 8_000), result(), capabilities)


PHRASES = {"preferred_phrases": {"phrases": [{"phrase": "two words"}]}}
SENT: dict[type[Command], str | bytes] = {
    Prefer: json.dumps(PHRASES),
    Audio: b"\0\0",
    Finish: json.dumps({"event": "stop"}),
}
WAYS: dict[State, list[type[Command]]] = {
    State.CONNECTED: [],
    State.SPEAKING: [Audio],
    State.STOPPED: [Audio, Finish],
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", SENT)
def test_what_the_table_has_no_place_for_is_refused(state: State, kind: type[Command]) -> None:
    conversation = socket()
    for before in WAYS[state]:
        list(conversation.receive(SENT[before]))
    if (state, kind) in NEXT:
        (command,) = conversation.receive(SENT[kind])
        assert isinstance(command, kind)
    else:
        with pytest.raises(InvalidRequest):
            conversation.receive(SENT[kind])


@given(st.lists(st.one_of(st.text(), st.binary(), st.sampled_from(list(SENT.values()))), max_size=5))
def test_whatever_comes_is_understood_or_refused(messages: list[str | bytes]) -> None:
    conversation = socket()
    with suppress(DragomanError):
        for message in messages:
            for command in conversation.receive(message):
                assert type(command) in SENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "audio",
        '{"event": "start"}',
        '{"event": "stop", "when": "now"}',
        '{"event": null}',
        '{"preferred_phrases": {}}',
        '{"preferred_phrases": {"phrases": "two words"}}',
        '{"data": {"preferred_phrases": {"phrase": [{"phrase": "two words"}]}}}',
        '{"preferred_phrases": {"phrases": [{"phrase": "two words"}]}, "event": "stop"}',
        "\ud83d",
        "[" * 100_000,
    ],
)
def test_a_text_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        socket().receive(text)


def test_messages_without_content_are_no_audio() -> None:
    conversation = socket()
    assert list(conversation.receive(b"")) == []
    assert list(conversation.receive(SENT[Prefer]))


@pytest.mark.parametrize("wrapped", [PHRASES, {"data": PHRASES}, PHRASES["preferred_phrases"]])
def test_phrases_come_in_either_wrapper_and_are_repeated(wrapped: object) -> None:
    conversation = socket()
    (command,) = conversation.receive(json.dumps(wrapped))
    assert isinstance(command, Prefer)
    assert [phrase.text for phrase in command.draft.phrases] == ["two words"]
    phrase = Phrase("two words")
    conversation.preferred(CheckedVocabulary((CheckedPhrase("two words", phrase),)))
    list(conversation.frames())
    conversation.deliver(Final(spoken("Two words.")))
    (message,) = frames(conversation)
    assert message["result"]["phrases"] == [{"phrase": "two words"}]
    assert "dictionary" not in message["result"]


def test_phrases_that_the_recogniser_cannot_prefer_are_refused() -> None:
    with pytest.raises(UnsupportedOption):
        socket(phrases=False).receive(SENT[Prefer])


def frames(conversation: SocketStream) -> Iterator[dict[str, Any]]:
    return map(json.loads, conversation.frames())


def test_the_client_is_greeted_once_and_then_told_what_is_new() -> None:
    conversation = socket()
    assert list(frames(conversation)) == [{"status": "connected", "error": "", "result": {}}]
    assert list(frames(conversation)) == []
    conversation.deliver(SpeechStarted(0, 0, 0))
    assert list(frames(conversation)) == []
    for count in (1, 2):
        conversation.deliver(Partial(spoken("two words" if count == 2 else "two")))
    (message,) = frames(conversation)
    assert (message["status"], message["error"]) == ("result", "")
    assert message["result"]["transcription"] == [{"channel_id": 0, "text": "two words"}]
    assert list(frames(conversation)) == []


def test_an_error_is_said_as_over_http() -> None:
    (frame,) = stream.fail(UndecodableAudio("details"))
    assert json.loads(frame) == {"status": "error", "error": "(1007) Unsupported audio format", "result": {}}
