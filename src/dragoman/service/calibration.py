"""How many live streams a worker can serve in real time: measured, not guessed, when it has loaded its recogniser."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from dragoman.core.errors import Cancelled
from dragoman.core.request import RecognitionRequest
from dragoman.service.endpointing import EndpointingRule
from dragoman.service.recognise import Recogniser
from dragoman.service.session import Kind, LiveSession

MOST_STREAMS: Final = 1_000
"""Of one worker, however fast it is."""
_USED: Final = 0.75
"""Of the time; the rest is for what comes at the same time, and for the server."""
_LONGEST_S: Final = 1.0
"""An engine that takes longer for the final of those seconds is hardly fast enough for one stream."""
_DRAFT_EVERY_S: Final = 1.0
"""How often there are partials when the worker is full."""
_SCHEDULING: Final = Path("/proc/thread-self/schedstat")
"""On Linux: how long this thread has computed, and how long it could have but had no processor, in nanoseconds."""


def own_time() -> float:
    """Seconds that have passed, but for those in which this thread had to wait for a processor that others had.

    So it counts what the thread computes and what it waits for from another device, and not what else the machine does
    at this moment. Where the system does not tell, all time counts.
    """
    waited_ns = 0
    with suppress(OSError):
        waited_ns = int(_SCHEDULING.read_bytes().split()[1])
    return time.monotonic() - waited_ns / 1e9


def stream_capacity(recogniser: Recogniser, pcm: bytes, rate: int, clock: Callable[[], float] = own_time) -> int:
    """From a recording of a few seconds in which somebody speaks all the time; at least 1, also without a recording.

    Every stream is taken to hold nothing but speech. Its utterances cost a final each, a draft a second, and voice
    activity in pieces as they arrive. One whose speakers are told apart counts as several
    (``RecognitionRequest.stream_instances``): to measure that, the models for it would have to be loaded.
    """
    if not pcm:
        return 1
    try:
        cost_s = _second_of_speech(recogniser, pcm, rate, clock)
    except Cancelled:
        return 1
    return max(1, min(MOST_STREAMS, int(_USED / cost_s))) if cost_s else MOST_STREAMS


def _second_of_speech(recogniser: Recogniser, pcm: bytes, rate: int, clock: Callable[[], float]) -> float:
    """What a second of speech costs, in seconds. Raises ``Cancelled`` when it is far too much, before it makes a draft:
    nothing cancels those."""
    began = clock()
    session = _listening(recogniser, pcm, rate)
    session.finish()
    while session.work() is not None:
        session.recognise(lambda: clock() - began > _LONGEST_S)
    final_s = clock() - began
    return final_s / (len(pcm) / 2 / rate) + _draft_s(recogniser, pcm, rate, clock) / _DRAFT_EVERY_S


def _draft_s(recogniser: Recogniser, pcm: bytes, rate: int, clock: Callable[[], float]) -> float:
    """What a draft of all of it costs."""
    session = _listening(recogniser, pcm, rate)
    work = session.work()
    if work is None or work.kind is not Kind.PARTIAL:
        return 0.0
    began = clock()
    session.drafted(session.engine.draft([session.utterance()])[0])
    return clock() - began


def _listening(recogniser: Recogniser, pcm: bytes, rate: int) -> LiveSession:
    """A session that has the recording, in pieces."""
    session = LiveSession(recogniser, RecognitionRequest(), EndpointingRule(), rate)
    piece = rate // 10 * 2
    for first in range(0, len(pcm), piece):
        session.feed(pcm[first : first + piece])
    return session
