"""How many live streams a worker can serve in real time: measured, not guessed, when it has loaded its recogniser."""

from __future__ import annotations

import time
from collections.abc import Callable
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
"""What takes longer than this cannot be served in real time."""
_DRAFT_EVERY_S: Final = 1.0
"""How often there are partials when the worker is full."""


def stream_capacity(
    recogniser: Recogniser, pcm: bytes, rate: int, clock: Callable[[], float] = time.process_time
) -> int:
    """From a recording of a few seconds in which somebody speaks all the time; at least 1, also without a recording.

    Every stream is taken to hold nothing but speech. Its utterances cost a final each, a draft a second, and voice
    activity in pieces as they arrive. The clock is the processor's, so that it does not matter what else the machine
    does at this moment.
    """
    if not pcm:
        return 1
    try:
        cost_s = _second_of_speech(recogniser, pcm, rate, clock)
    except Cancelled:
        return 1
    return max(1, min(MOST_STREAMS, int(_USED / cost_s))) if cost_s else MOST_STREAMS


def _second_of_speech(recogniser: Recogniser, pcm: bytes, rate: int, clock: Callable[[], float]) -> float:
    """What a second of speech costs, in seconds."""
    session = LiveSession(recogniser, RecognitionRequest(), EndpointingRule(), rate)
    deadline = time.monotonic() + _LONGEST_S
    duration_s = len(pcm) / 2 / rate
    piece = rate // 10 * 2
    began = clock()
    for first in range(0, len(pcm), piece):
        session.feed(pcm[first : first + piece])
    fed = clock()
    drafted_s = 0.0
    work = session.work()
    if work is not None and work.kind is Kind.PARTIAL:
        session.drafted(recogniser.engine.draft([session.utterance()])[0])
        drafted_s = clock() - fed
    finishing = clock()
    session.finish()
    while session.work() is not None:
        session.recognise(lambda: time.monotonic() > deadline)
    return (fed - began + clock() - finishing) / duration_s + drafted_s / _DRAFT_EVERY_S
