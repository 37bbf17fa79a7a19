"""A recording recognised as if it were live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from dragoman.core.events import SpeechEvent
from dragoman.core.request import RecognitionRequest
from dragoman.service.endpointing import EndpointingRule
from dragoman.service.recognise import Recogniser
from dragoman.service.session import Kind, LiveSession

ALWAYS: Final[Callable[[Kind], bool]] = lambda kind: True  # noqa: E731


def recognised_live(
    recogniser: Recogniser,
    samples: np.ndarray,
    rate: int,
    request: RecognitionRequest,
    computed: Callable[[Kind], bool] = ALWAYS,
) -> list[SpeechEvent]:
    """All events for samples in -1..1, fed in pieces of 100 ms; of what is due only what is to be ``computed``."""
    session = LiveSession(recogniser, request, EndpointingRule(), rate)
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    piece = rate // 10 * 2
    events = []
    for at in range(0, len(pcm) + 1, piece):
        session.feed(pcm[at : at + piece])
        if at + piece >= len(pcm):
            session.finish()
        while True:
            if session.listening() is not None:
                session.hear()
                continue
            work = session.work()
            if work is None or not computed(work.kind):
                break
            if work.kind is Kind.PARTIAL:
                session.drafted(session.engine.draft([session.utterance()])[0])
            else:
                session.recognise(lambda: False)
        events += session.take_events()
    return events
