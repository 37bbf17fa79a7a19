"""Where the speaker changes, as surely as one wants it.

A change may be wherever a turn begins, even one of the same speaker after a pause. Each gets a score: at least 0.6
where turns of different speakers meet, more for longer turns and more distant voices; less than 0.6 between turns of
one speaker, by how distant they sound. A sensitivity of s takes those that score 1 - s or more, so a higher one finds
all that a lower one does: up to 0.4 only what separates speakers, at 1 every turn.
"""

from __future__ import annotations

from typing import Final

_OTHER: Final = 0.6
_LONG_MS: Final = 3_000
_NEAR, _FAR = 0.3, 0.9
"""Distances of two voices' cosines: hardly different, and surely."""


def change_score(*, is_other: bool, distance: float, shorter_ms: int) -> float:
    """Of two turns that follow each other: whether they are different speakers', the cosine distance of what is heard
    in them, and the length of the shorter one."""
    different = min(max((distance - _NEAR) / (_FAR - _NEAR), 0.0), 1.0)
    if not is_other:
        return _OTHER * different * 0.999
    return _OTHER + (1 - _OTHER) * (min(shorter_ms / _LONG_MS, 1.0) + different) / 2
