"""How far an installation is: a line on a terminal, rewritten as it goes; nothing elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

from dragoman.server.cli.progress import BAR_WIDTH, REDRAW_AFTER_S


class DownloadLine:
    def __init__(self, name: str, stream: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._stream = stream
        self._clock = clock
        self._first: tuple[float, int] | None = None
        self._drawn = float("-inf")
        self.visible = stream.isatty()

    def progress(self, done: int, size: int) -> None:
        """So many bytes are there, of how many. The speed counts from the first call on."""
        now = self._clock()
        if self._first is None:
            self._first = now, done
        if self.visible and now - self._drawn >= REDRAW_AFTER_S:
            self._drawn = now
            columns = shutil.get_terminal_size().columns
            self._stream.write("\r" + self.text(done, size)[: columns - 1] + "\x1b[K")
            self._stream.flush()

    def clear(self) -> None:
        """Leave the line empty, for something else to be written there."""
        if self.visible:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def text(self, done: int, size: int) -> str:
        """``whisper-small  [######......]  120 of 486 MB  12.0 MB/s``."""
        since, before = self._first or (self._clock(), done)
        filled = BAR_WIDTH * done // size if size else BAR_WIDTH
        speed = (done - before) / 1e6 / max(self._clock() - since, 0.001)
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        return f"{self._name}  [{bar}]  {done / 1e6:.0f} of {size / 1e6:.0f} MB  {speed:.1f} MB/s"
