"""What a worker computes next for its live streams. Pure: the time is an argument.

Finals go first, the one that has waited longest before the others. Partials come less often the more they cost, so that
one worker spends at most about half its time on them. Voices are heard when nothing else is due. What a stream needs
that was sent faster than it was spoken is not due before its time, and uses what time the others leave.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from dragoman.core.ports import Engine
from dragoman.service.session import Kind

_EARLY_S: Final = 0.5
"""Sound that was late on its way makes what comes after it look early by as much; up to this it does not count."""
_SHORTEST_INTERVAL_S: Final = 0.3
_LONGEST_INTERVAL_S: Final = 0.9
_SHARE: Final = 0.5
"""Of the time, for partials."""
_MOST_A_SECOND: Final = 350
"""Partials: to tell them costs the server as well."""
_LATE_S: Final = 0.3
"""A partial that waits for longer than this, once its time has come, goes before what may be needless."""
_RECENT_S: Final = 2.0
_COUNTED_S: Final = 0.05
"""What was recent is counted anew so often."""
_PARTIAL: Final = Kind.PARTIAL
_PATIENCE_S: Final = 0.25
"""A partial whose time has come waits so long for more audio, so that it is computed when audio comes and not, as old
as it is, between one piece and the next."""
_CLOCK_S: Final = 0.001
"""Audio is cut into whole samples, and looked at in frames."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one stream needs next."""

    stream: int
    kind: Kind
    due: float
    """When it became due, in seconds; still to come if the stream is ahead of real time."""
    heard_to: float = float("inf")
    """When the last of the audio was spoken."""
    engine: Engine | None = None
    """Partials of one engine are computed together, as many at once as it says."""
    alone: bool = False
    """It must not be computed together with others."""
    fresh: bool = False
    """A partial of an utterance that has only begun: cheap, and what people wait for."""


def is_early(due: float, now: float) -> bool:
    """Whether what is due then is still to wait for its time."""
    return due > now + _EARLY_S


@dataclass(slots=True)
class _Drafted:
    at: float
    heard_to: float
    """When the last of what was drafted was spoken. This times the next draft: by ``at``, each delay would put off all
    that follow."""
    cost_s: float


class Scheduler:
    """Remembers when the partials of each stream were computed, and what they cost."""

    def __init__(self) -> None:
        self._drafted: dict[int, _Drafted] = {}
        self._interval = (float("-inf"), _SHORTEST_INTERVAL_S)
        """When it was last counted, and what it was."""

    def choose(self, waiting: Collection[Waiting], now: float) -> tuple[int, ...]:
        """The streams whose work is done next, together; none if nothing is due."""
        if not waiting:
            return ()
        due: dict[Kind, Waiting] = {}
        """Of each kind but partials, the longest waiting."""
        partials: list[tuple[float, Waiting]] = []
        interval_s = self.interval_s(now)
        for each in waiting:  # there are many, and this is asked for again and again
            kind = each.kind
            if kind is _PARTIAL:
                if (at := self._partial_at(each, interval_s)) <= now:
                    partials.append((at, each))
            elif not is_early(each.due, now) and (kind not in due or each.due < due[kind].due):
                due[kind] = each
        if Kind.FINAL in due:
            return (due[Kind.FINAL].stream,)
        partials.sort(key=itemgetter(0))
        if Kind.AHEAD in due and not (partials and now - partials[0][0] > _LATE_S):
            return (due[Kind.AHEAD].stream,)
        return self._batch([partial for _, partial in partials])

    def choose_voices(self, waiting: Collection[Waiting], now: float) -> tuple[int, ...]:
        """The stream whose voices are heard next, when there is nothing else to do; none if that can wait."""
        able = [each for each in waiting if each.kind >= Kind.SPEAKERS and not is_early(each.due, now)]
        return (min(able, key=_kind_and_due).stream,) if able else ()

    def choose_spare(self, waiting: Collection[Waiting], now: float) -> tuple[int, ...]:
        """The stream whose work is done next when nothing is due: one that is ahead of real time. Partials can wait."""
        able = [each for each in waiting if each.kind is not Kind.PARTIAL]
        return (min(able, key=_due).stream,) if able else ()

    def next_at(self, waiting: Collection[Waiting], now: float) -> float | None:
        """When there will be something to choose; ``None``: not before something happens."""
        if not waiting:
            return None
        interval_s = self.interval_s(now)
        times = [self._partial_at(each, interval_s) if each.kind is Kind.PARTIAL else now for each in waiting]
        return min(times)

    def interval_s(self, now: float) -> float:
        """Between two partials of an utterance."""
        counted_at, interval_s = self._interval
        if 0 <= now - counted_at < _COUNTED_S:
            return interval_s
        recent = [each.cost_s for each in self._drafted.values() if now - each.at < _RECENT_S]
        least_s = max(sum(recent) / _SHARE, len(recent) / _MOST_A_SECOND)
        self._interval = now, min(max(least_s, _SHORTEST_INTERVAL_S), _LONGEST_INTERVAL_S)
        return self._interval[1]

    def drafted(self, streams: Mapping[int, float], now: float, cost_s: float) -> None:
        """Partials of these streams were computed, which took so long in all. With each stream comes when the last of
        the audio was spoken."""
        for stream, heard_to in streams.items():
            before = self._drafted.get(stream)
            each_s = cost_s / len(streams)
            cost = (before.cost_s + each_s) / 2 if before else each_s
            self._drafted[stream] = _Drafted(now, min(heard_to, now), cost)

    def forget(self, stream: int) -> None:
        self._drafted.pop(stream, None)

    def _partial_at(self, partial: Waiting, interval_s: float) -> float:
        """When its time comes."""
        before = self._drafted.get(partial.stream)
        due = partial.due - _EARLY_S
        if before is None:
            return due
        wanted = before.heard_to + (_SHORTEST_INTERVAL_S if partial.fresh else interval_s)
        is_enough = partial.heard_to >= wanted - _CLOCK_S
        return max(due, before.heard_to if is_enough else wanted + _PATIENCE_S)

    def _batch(self, partials: list[Waiting]) -> tuple[int, ...]:
        if not partials:
            return ()
        first = partials[0]
        if first.alone or first.engine is None:
            return (first.stream,)
        alike = [each.stream for each in partials if each.engine is first.engine and not each.alone]
        return tuple(alike[: first.engine.capabilities.draft_batch])


def _due(waiting: Waiting) -> float:
    return waiting.due


def _kind_and_due(waiting: Waiting) -> tuple[Kind, float]:
    return waiting.kind, waiting.due
