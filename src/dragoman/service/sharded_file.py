"""One file recognised in shards by several workers, merged into one sequence of events. Pure.

Every worker decodes the whole file, which is cheap, and recognises its share of the segments. Segments are numbered the
same way every time, so their numbers say what is known, what is still to come and what came twice.
"""

from __future__ import annotations

from typing import Final

from dragoman.core import events
from dragoman.core.errors import InternalError
from dragoman.core.events import AudioEventsFound, Finished, Opened, Progress, RecognitionEvent, SpeakersFound
from dragoman.core.transcript import Segment
from dragoman.service.worker_protocol import Shard

MAX_STRIKES: Final = 3


class ShardRun:
    """The state of one shard over all its attempts."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.finished = False
        self.done_ms = 0
        """How far this attempt has come."""
        self.furthest_ms = 0
        """How far the best attempt has come."""
        self.strikes = 0
        """Deaths of workers that may be this file's doing, since it last got further than before."""

    @property
    def is_suspect(self) -> bool:
        return self.strikes > 0

    @property
    def is_hopeless(self) -> bool:
        return self.strikes >= MAX_STRIKES


class ShardedFile:
    """Takes what workers report of the shards, returns the events for whoever asked for the file.

    ``Final`` events come in the order of their index, each once. Segments that are ahead wait here: at most those of
    one file, which its reader keeps anyhow.
    """

    def __init__(self) -> None:
        self.runs = [ShardRun(Shard())]
        self._opened: Opened | None = None
        self._next_index = 0
        self._ahead: dict[int, Segment | None] = {}
        self._progress_ms = 0
        self._known: set[type[SpeakersFound | AudioEventsFound]] = set()
        """What is known already that is found in the whole file."""

    @property
    def done(self) -> tuple[int, ...]:
        """The numbers of the segments that are known."""
        return (*range(self._next_index), *self._ahead)

    def split(self, shards: int) -> list[ShardRun]:
        """Share the file among so many; the runs that are new."""
        assert len(self.runs) == 1
        self.runs[0].shard = Shard(0, shards)
        added = [ShardRun(Shard(number, shards)) for number in range(1, shards)]
        self.runs += added
        return added

    def begin(self, run: ShardRun) -> None:
        """Another attempt: it decodes the file from its beginning."""
        run.done_ms = 0

    def opened(self, event: Opened) -> list[RecognitionEvent]:
        first = self._opened is None
        self._opened = self._opened or event
        return [event] if first else []

    def segment(self, run: ShardRun, index: int, segment: Segment | None) -> list[RecognitionEvent]:
        if index < self._next_index or index in self._ahead:
            return []  # the share of this run was made smaller while it was at it
        run.strikes = 0
        self._ahead[index] = segment
        ready: list[RecognitionEvent] = []
        while self._next_index in self._ahead:
            known = self._ahead.pop(self._next_index)
            self._next_index += 1
            if known is not None:
                ready.append(events.Final(known))
        return ready

    def progress(self, run: ShardRun, event: Progress) -> list[RecognitionEvent]:
        run.done_ms = event.done_ms
        if run.done_ms > run.furthest_ms:
            run.furthest_ms = run.done_ms
            run.strikes = 0
        done_ms = min((run.done_ms for run in self.runs if not run.finished), default=0)
        if done_ms <= self._progress_ms:
            return []
        self._progress_ms = done_ms
        return [Progress(done_ms)]

    def found(self, event: SpeakersFound | AudioEventsFound) -> list[RecognitionEvent]:
        """In the whole file."""
        if type(event) in self._known:
            return []
        self._known.add(type(event))
        return [event]

    def finished(self, run: ShardRun, event: Finished) -> list[RecognitionEvent]:
        """Raises ``InternalError`` when a segment is missing after all."""
        run.finished = True
        if not all(run.finished for run in self.runs):
            return []
        if self._ahead:
            raise InternalError("A segment of the recording was recognised by no worker.")
        return [event]
