"""The collector of garbage, told what this project is like: much is loaded once, and hundreds of live streams hold many
small things for long. By Python's own thresholds it looks through all of them again and again, and everybody waits
meanwhile. What that costs is in ``docs/decisions/0019-live-streams.md``."""

from __future__ import annotations

import gc
from typing import Final

_THRESHOLDS: Final = (50_000, 20, 100)


def collect_seldom() -> None:
    """Once everything is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
