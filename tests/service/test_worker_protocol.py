"""Laws of the protocol between the server and its workers."""

from __future__ import annotations

import io
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.audio.place import Place
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import DragomanError, all_errors, by_code
from dragoman.core.events import Final, Finished, Opened, Partial, Progress, SpeechEnded, SpeechStarted
from dragoman.core.request import (
    AudioEncoding,
    ChannelMode,
    ChannelSelection,
    DictionaryWord,
    Phrase,
    RecognitionRequest,
    TimeDetail,
    Vocabulary,
)
from dragoman.core.transcript import Character, Segment, Transcript, Word
from dragoman.language.phonemes import PHONEMES
from dragoman.service import worker_protocol as protocol
from strategies import segments, transcripts

pytestmark = pytest.mark.unit

numbers = st.integers(0, 2**40)
pronunciations = st.lists(st.lists(st.sampled_from(PHONEMES), min_size=1).map(tuple)).map(tuple)
vocabularies = st.builds(
    Vocabulary,
    phrases=st.lists(st.builds(Phrase, text=st.text(), weight=st.floats(0, 10))).map(tuple),
    words=st.lists(
        st.builds(DictionaryWord, spelling=st.text(), pronunciations=pronunciations, display=st.none() | st.text())
    ).map(tuple),
)
requests = st.builds(
    RecognitionRequest,
    language=st.none() | st.just("en"),
    time_detail=st.sampled_from(TimeDetail),
    channels=st.builds(
        ChannelSelection, mode=st.sampled_from(ChannelMode), only=st.lists(st.integers(0, 40)).map(tuple)
    ),
    profile=st.text(max_size=20),
    vocabulary=vocabularies,
)
places = st.builds(Place, numbers, st.none() | st.integers(-1_000, 10**9), numbers, numbers)
channels = st.lists(st.builds(protocol.Reached, numbers, numbers), min_size=1, max_size=2).map(tuple)
orders = st.one_of(
    st.builds(
        protocol.Start,
        task=numbers,
        media=st.text(),
        request=requests,
        shard=st.builds(protocol.Shard, number=st.integers(0, 3), of=st.integers(1, 4)),
        done=st.lists(numbers).map(tuple),
        urgent=st.booleans(),
    ),
    st.builds(protocol.Share, task=numbers, shard=st.builds(protocol.Shard)),
    st.builds(protocol.Hold, task=numbers, held=st.booleans()),
    st.builds(protocol.Cancel, task=numbers),
    st.builds(
        protocol.OpenStream,
        task=numbers,
        request=requests,
        rate=st.integers(8_000, 48_000),
        encoding=st.sampled_from(AudioEncoding),
        channels=channels,
        place=places,
        suspect=st.booleans(),
    ),
    st.builds(protocol.Audio, task=numbers, data=st.binary(max_size=2_000)),
    st.builds(protocol.EndStream, task=numbers),
)
reports = st.one_of(
    st.builds(protocol.Ready, capabilities=st.just({"default": Capabilities("m", "1", ("en",))}), load_ms=numbers),
    st.builds(protocol.NotReady, message=st.text()),
    st.builds(protocol.FileOpened, task=numbers, event=st.builds(Opened, st.none() | numbers, st.just((0, 1)))),
    st.builds(protocol.FileProgress, task=numbers, event=st.builds(Progress, numbers)),
    st.builds(protocol.FileFinished, task=numbers, event=st.builds(Finished, numbers, st.text(), st.text())),
    st.builds(
        protocol.FileFailed,
        task=numbers,
        code=st.sampled_from([error.code for error in all_errors()]),
        message=st.text(),
        field=st.none() | st.text(),
    ),
    st.builds(protocol.Stepping, tasks=st.lists(numbers).map(tuple)),
    st.builds(
        protocol.Streams,
        reports=st.lists(
            st.builds(
                protocol.StreamReport,
                task=numbers,
                taken=numbers,
                consumed=numbers,
                channels=channels,
                place=places,
                events=st.lists(
                    st.one_of(
                        st.builds(SpeechStarted, numbers, numbers, numbers),
                        st.builds(Partial, segments(0, 0, 0), numbers),
                        st.builds(Final, segments(3, 1, 7)),
                        st.builds(SpeechEnded, numbers, numbers, numbers),
                        st.builds(Finished, numbers, st.text(), st.text()),
                    ).map(protocol.stream_event),
                    max_size=5,
                ).map(tuple),
            ),
            max_size=3,
        ).map(tuple),
        failed=st.lists(
            st.builds(protocol.StreamFailed, task=numbers, code=st.just("internal_error"), message=st.text()),
            max_size=2,
        ).map(tuple),
        open=numbers,
        late_ms=numbers,
    ),
)


@given(sent=st.lists(orders, max_size=5))
def test_orders_arrive_as_they_were_sent(sent: list[protocol.Order]) -> None:
    frames = bytearray()
    for order in sent:
        protocol.append(frames, order)
    stream = io.BytesIO(frames)
    arrived = []
    while (body := protocol.read_frame(stream)) is not None:
        arrived.append(protocol.decode_order(body))
    assert arrived == sent


@given(report=reports)
def test_reports_arrive_as_they_were_sent(report: protocol.Report) -> None:
    assert protocol.decode_report(protocol.encode(report)[protocol.HEADER.size :]) == report


@pytest.mark.parametrize("error", [error for error in all_errors() if error is not DragomanError])
def test_an_error_arrives_as_what_it_is(error: type[DragomanError]) -> None:
    arrived = by_code(error.code, "what is wrong")
    assert type(arrived) is error
    assert arrived.message == "what is wrong"


@given(transcript=transcripts())
def test_segments_arrive_as_they_were_sent(transcript: Transcript) -> None:
    for segment in transcript.segments:
        report = protocol.SegmentDone(1, segment.index, segment)
        assert protocol.decode_report(protocol.encode(report)[protocol.HEADER.size :]) == report


def test_characters_arrive_as_they_were_sent() -> None:
    word = Word("é!", 0, 20, 0.5, (Character("é", 0, 10), Character("!", 10, 20)))
    report = protocol.SegmentDone(1, 0, Segment(0, 0, 0, 20, "é!", 0.5, (word,)))
    assert protocol.decode_report(protocol.encode(report)[protocol.HEADER.size :]) == report


@given(body=st.binary(max_size=200))
def test_anything_else_from_a_worker_is_refused(body: bytes) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.decode_report(body)


@given(order=orders)
def test_a_worker_cannot_give_orders(order: protocol.Order) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.decode_report(protocol.encode(order)[protocol.HEADER.size :])


def test_a_pickle_is_refused_and_not_run() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return pytest.fail, ("it ran",)

    with pytest.raises(protocol.ProtocolError):
        protocol.decode_report(pickle.dumps(Bomb()))


def test_a_frame_longer_than_any_message_is_refused_before_it_is_read() -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.length(protocol.HEADER.pack(2**32 - 1))


@given(order=orders, cut=st.integers(1, 20))
def test_a_stream_cut_in_a_frame_is_at_its_end(order: protocol.Order, cut: int) -> None:
    whole = protocol.encode(order)
    assert protocol.read_frame(io.BytesIO(whole[: max(0, len(whole) - cut)])) is None


@given(of=st.integers(1, 8), index=st.integers(0, 10_000))
def test_every_segment_is_in_exactly_one_shard(of: int, index: int) -> None:
    assert sum(protocol.Shard(number, of).has(index) for number in range(of)) == 1
