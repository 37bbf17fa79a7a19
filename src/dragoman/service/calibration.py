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
_LONGEST_S: Final = 0.3
"""The measurement may take."""
_DRAFT_EVERY_S: Final = 1.0
"""How often there are partials when the worker is full."""


def stream_capacity(
    recogniser: Recogniser, pcm: bytes, rate: int, clock: Callable[[], float] = time.perf_counter
) -> int:
    """From a recording of a few seconds in which somebody speaks all the time; at least 1, also without a recording.

    Every stream is taken to hold nothing but speech. Its utterances cost a final each, a draft a second, and voice
    activity in pieces as they arrive. What does not end in time cannot be served often.
    """
    if not pcm:
        return 1
    began = clock()
    best_s = float("inf")
    while clock() - began < _LONGEST_S:
        try:
            best_s = min(best_s, _second_of_speech(recogniser, pcm, rate, clock, began + _LONGEST_S))
        except Cancelled:
            break
    return max(1, min(MOST_STREAMS, int(_USED / max(best_s, 1e-9))))


def _second_of_speech(
    recogniser: Recogniser, pcm: bytes, rate: int, clock: Callable[[], float], deadline: float
) -> float:
    """What a second of speech costs, in seconds."""
    session = LiveSession(recogniser, RecognitionRequest(), EndpointingRule(), rate)
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
    session.finish()
    finishing = clock()
    while session.work() is not None:
        session.recognise(lambda: clock() > deadline)
    return (fed - began + clock() - finishing) / duration_s + drafted_s / _DRAFT_EVERY_S
