"""A live stream in a worker: its bytes decoded, each of its channels a session."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dragoman.audio.stream_decode import StreamDecoder, open_stream_decoder
from dragoman.core.events import Finished, Partial, SpeechEvent, SpeechStarted
from dragoman.core.request import MOST_STREAM_CHANNELS
from dragoman.core.transcript import Word
from dragoman.service import worker_protocol as protocol
from dragoman.service.endpointing import EndpointingRule
from dragoman.service.recognise import Recogniser
from dragoman.service.session import LiveSession


@dataclass(slots=True, eq=False)
class Lane:
    """One channel. ``key`` is its own among all lanes of all streams."""

    key: int
    stream: WorkerStream
    session: LiveSession
    drafts: int = 0
    """Of the utterance that is being spoken."""
    told: tuple[Word, ...] = ()
    """The words of the last partial."""
    voices: bytes = b""
    """What is remembered of the speakers, as it was reported."""

    def wrap(self, event: SpeechEvent) -> protocol.StreamEvent:
        wrapped = protocol.stream_event(event, self.told)
        self.told = event.segment.words if isinstance(event, Partial) else ()
        return wrapped


@dataclass(slots=True, eq=False)
class WorkerStream:
    order: protocol.OpenStream
    decoder: StreamDecoder
    lanes: list[Lane] = field(default_factory=list)
    received: int = 0
    """Byte of the stream up to which it has arrived."""
    anchor: float = float("-inf")
    """When its first sample was spoken, as far as the arrival of the others tells."""
    ending: bool = False
    """No more audio will come."""
    finished: Finished | None = None
    """The end of the lanes that have come to theirs."""

    @property
    def is_suspect(self) -> bool:
        """It may have killed a worker, and has not got further since."""
        if not self.order.suspect:
            return False
        starts = self.order.channels
        return all(lane.session.settled == start.settled for lane, start in zip(self.lanes, starts, strict=True))

    @property
    def has_news(self) -> bool:
        """Something happened since the last report."""
        return any(lane.session.has_news for lane in self.lanes)

    @property
    def has_arrived(self) -> bool:
        """There is something that the sessions do not have yet, as far as is known before it is decoded."""
        return self.decoder.consumed < self.received

    @property
    def unfed_s(self) -> float:
        return (self.received - self.decoder.consumed) / self.decoder.bytes_per_s

    @property
    def fed_s(self) -> float:
        return self.decoder.position / self.decoder.rate

    @property
    def fed_to(self) -> float:
        """When the last of what the sessions have was spoken."""
        return self.spoken_at(self.fed_s)

    def spoken_at(self, position_s: float) -> float:
        return self.anchor + position_s

    def arrive(self, data: bytes, at: float) -> None:
        self.decoder.feed(data)
        self.received += len(data)
        self.anchor = max(self.anchor, at - self.fed_s - self.unfed_s)

    def feed(self, longest_s: float) -> None:
        """Give the sessions what has arrived, up to about so much; and the end, if that is all there is.

        Raises ``UndecodableAudio`` and ``UnsupportedAudio``.
        """
        decoder = self.decoder
        began, blocks, count = decoder.position, [], 0
        while count < longest_s * decoder.rate and (samples := decoder.read()) is not None:
            blocks.append(samples)
            count += len(samples)
        if count:
            samples = np.concatenate(blocks) if len(blocks) > 1 else blocks[0]
            for channel, lane in enumerate(self.lanes):
                # After a worker's death a channel may have got further than the other.
                mine = samples[max(0, self.order.channels[channel].settled - began) :, channel]
                lane.session.feed(np.ascontiguousarray(mine).data)
        if self.ending and not self.has_arrived:
            decoder.finish()
            for lane in self.lanes:
                lane.session.finish()

    def report(self) -> protocol.StreamReport:
        """What has happened since the last one. ``Finished`` comes once all lanes have."""
        events: list[protocol.StreamEvent] = []
        is_over = True
        for lane in self.lanes:
            said = lane.session.take_events()
            if any(isinstance(event, SpeechStarted) for event in said):
                lane.drafts = 0
            if said and isinstance(last := said[-1], Finished):
                self.finished = last
                del said[-1]
            is_over &= lane.session.is_finished
            events += map(lane.wrap, said)
        if is_over and self.finished is not None:
            events.append(protocol.StreamFinished(self.finished))
        sessions = [lane.session for lane in self.lanes]
        voices = tuple(session.voices for session in sessions)
        is_new = voices != tuple(lane.voices for lane in self.lanes)
        for lane, remembered in zip(self.lanes, voices, strict=True):
            lane.voices = remembered
        return protocol.StreamReport(
            self.order.task,
            self.decoder.position,
            self.decoder.consumed,
            tuple(protocol.Reached(session.settled, session.next_index) for session in sessions),
            self.decoder.place(min(session.settled for session in sessions)),
            tuple(events),
            voices if is_new else (),
        )


def open_worker_stream(order: protocol.OpenStream, recogniser: Recogniser, rule: EndpointingRule) -> WorkerStream:
    start = min(reached.settled for reached in order.channels)
    count = len(order.channels)
    decoder = open_stream_decoder(order.encoding, order.rate, count, start=start, resumed=order.place)
    stream = WorkerStream(order, decoder, received=decoder.consumed)
    for channel, reached in enumerate(order.channels):
        voices = order.voices[channel] if order.voices else b""
        session = LiveSession(
            *(recogniser, order.request, rule, decoder.rate),
            start=reached.settled,
            first_index=reached.next_index,
            channel=channel,
            index_step=count,
            voices=voices,
        )
        stream.lanes.append(Lane(order.task * MOST_STREAM_CHANNELS + channel, stream, session, voices=voices))
    return stream
