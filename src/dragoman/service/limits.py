"""How much may run at once, how much a key may use a day, and how often it may ask. All of it counts in memory and
never waits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from dragoman.core.errors import NoFreeInstance, QuotaExceeded, RateLimited
from dragoman.core.ports import Instances

MS_PER_MINUTE = 60_000
_MOST_WINDOWS: Final = 10_000


class Admission:
    """Lets ``total`` recognitions in at once. The next one is refused, never queued, so that a client learns it now.

    ``setting`` names what says how many there are.
    """

    def __init__(self, total: int, setting: str = "max_concurrent_files") -> None:
        self._total = total
        self._setting = setting
        self._busy = 0

    @property
    def instances(self) -> Instances:
        return Instances(total=self._total, busy=self._busy)

    @contextmanager
    def admit(self, instances: int = 1) -> Iterator[None]:
        """Hold so many while the block runs. Raises ``NoFreeInstance`` when there are not as many."""
        if instances > self._total > 0:
            raise NoFreeInstance(
                f"This needs {instances} recogniser instances at once; the setting {self._setting} says how many there "
                f"are, and that is {self._total}."
            )
        if self._busy + instances > self._total:
            free = self._total - self._busy
            found = f"All {self._total}" if free == 0 else f"All but {free} of the {self._total}"
            raise NoFreeInstance(
                f"{found} recogniser instances are busy. Try again later; "
                f"the setting {self._setting} says how many there are."
            )
        self._busy += instances
        try:
            yield
        finally:
            self._busy -= instances


class Reservation:
    """The share of a day's quota that one recognition holds."""

    def __init__(self, quota: Quota, account: tuple[str, str], day: date) -> None:
        self._quota = quota
        self._account = account
        self._day = day
        self.is_limited: bool = quota.limits(account[0])
        """There is a quota that it counts for."""
        self._held_ms = 0
        self.used_ms = 0
        """How much audio was recognised so far; counted when the block ends, however it ends."""

    def hold(self, duration_ms: int) -> None:
        """Hold as much as the file says it lasts. Raises ``QuotaExceeded`` when that much is not left."""
        left_ms = self._quota._left_ms(self._account, self._day)
        if duration_ms > left_ms:
            raise QuotaExceeded(
                f"The recording lasts {duration_ms / MS_PER_MINUTE:.1f} minutes; of today's quota of this profile "
                f"{left_ms / MS_PER_MINUTE:.1f} are left. It starts afresh at midnight UTC."
            )
        self._held_ms = duration_ms
        self._quota._change(self._account, self._day, duration_ms)

    def grow(self, used_ms: int) -> None:
        """So much was used by now, of audio whose length nobody knows yet. Raises ``QuotaExceeded`` when it is more
        than was left; then ``used_ms`` stays what it was.
        """
        grown_ms = max(0, used_ms - self._held_ms)
        if grown_ms > self._quota._left_ms(self._account, self._day):
            raise QuotaExceeded("Today's quota of this profile is used up. It starts afresh at midnight UTC.")
        self._held_ms += grown_ms
        self._quota._change(self._account, self._day, grown_ms)
        self.used_ms = used_ms

    def _settle(self) -> None:
        self._quota._change(self._account, self._day, self.used_ms - self._held_ms)


class Quota:
    """Minutes of audio per key and UTC day, for the profiles that have a quota.

    A recognition holds the length its file claims from the moment it is known, so that recognitions running at the same
    time cannot together go past the quota; a file that does not say its length can, once. What was recognised before a
    client left counts.
    """

    def __init__(
        self, minutes: Mapping[str, float | None], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._limits_ms = {name: limit * MS_PER_MINUTE for name, limit in minutes.items() if limit is not None}
        self._now = now
        self._day: date | None = None
        self._counted_ms: dict[tuple[str, str], int] = {}
        """Used and held, by profile and key, of one day."""

    @contextmanager
    def reserve(self, profile: str, key_id: str) -> Iterator[Reservation]:
        """Charge what is recognised in the block. Raises ``QuotaExceeded`` when nothing is left today."""
        account = (profile, key_id)
        day = self._now().astimezone(UTC).date()
        if day != self._day:
            self._day = day
            self._counted_ms.clear()
        if self._left_ms(account, day) <= 0:
            limit = self._limits_ms[profile] / MS_PER_MINUTE
            raise QuotaExceeded(
                f"Today's quota of {limit:g} minutes of this profile is used up. It starts afresh at midnight UTC."
            )
        reservation = Reservation(self, account, day)
        try:
            yield reservation
        finally:
            reservation._settle()

    def limits(self, profile: str) -> bool:
        """Whether the profile has a quota."""
        return profile in self._limits_ms

    def _left_ms(self, account: tuple[str, str], day: date) -> float:
        limit = self._limits_ms.get(account[0])
        if limit is None or day != self._day:
            return float("inf")
        return max(0.0, limit - self._counted_ms.get(account, 0))

    def _change(self, account: tuple[str, str], day: date, by_ms: int) -> None:
        if account[0] in self._limits_ms and day == self._day:
            self._counted_ms[account] = self._counted_ms.get(account, 0) + by_ms


@dataclass(frozen=True, slots=True)
class Allowance:
    """Of ``limit`` requests in a window of ``window_s``, so many remain until it ends at ``reset_s``, seconds since
    1970, UTC."""

    limit: int
    remaining: int
    reset_s: int
    window_s: int


class RateLimit:
    """So many requests of a key in a window of so many seconds, which begins with the first one after the last window.

    The windows of at most 10,000 keys are remembered; the one that began the longest ago is forgotten first.
    """

    def __init__(
        self,
        limit: int | None,
        window_s: int = 1,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Without a ``limit`` there is none. ``clock`` never goes back; ``now`` is the time of day."""
        self.limit = limit
        self.window_s = window_s
        self._clock = clock
        self._now = now
        self._windows: dict[str, tuple[float, int]] = {}
        """By key: when the window ends, and how many requests there were; in the order in which they began."""

    def take(self, key_id: str) -> Allowance | None:
        """Count a request; ``None``: there is no limit. Raises ``RateLimited``; what is refused does not count."""
        if self.limit is None:
            return None
        now_s = self._clock()
        end_s, taken = self._windows.get(key_id, (now_s, 0))
        if end_s <= now_s:
            self._windows.pop(key_id, None)
            if len(self._windows) >= _MOST_WINDOWS:
                del self._windows[next(iter(self._windows))]
            end_s, taken = now_s + self.window_s, 0
        left_s = end_s - now_s
        if taken >= self.limit:
            raise RateLimited(
                f"No more than {self.limit} requests of a key are answered in {self.window_s} s."
                f" Try again in {math.ceil(left_s)} s.",
                limit=self.limit,
                retry_after_s=math.ceil(left_s),
            )
        self._windows[key_id] = (end_s, taken + 1)
        return Allowance(self.limit, self.limit - taken - 1, math.ceil(self._now() + left_s), self.window_s)
