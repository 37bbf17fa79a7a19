"""How far a command is: a line on a terminal, rewritten as it goes; nothing elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import TextIO

from dragoman.core.events import AudioEventsFound, Final, Finished, Opened, Progress, RecognitionEvent, SpeakersFound

BAR_WIDTH = 24
REDRAW_AFTER_S = 0.1


class ProgressLine:
    """Progress over several files. ``sizes`` are their bytes: they weigh the files whose length is not known yet."""

    def __init__(
        self,
        sizes: Sequence[int],
        stream: TextIO = sys.stderr,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sizes = sizes
        self._stream = stream
        self._clock = clock
        self.visible = stream.isatty()
        self._duration_ms: list[int | None] = [None] * len(sizes)
        self._done_ms = [0] * len(sizes)
        self._ended = [False] * len(sizes)
        self._started: float | None = None
        self._drawn = float("-inf")

    def event(self, number: int, event: RecognitionEvent) -> None:
        """Something happened to the file of this number. The speed counts from the first event on."""
        if self._started is None:
            self._started = self._clock()
        match event:
            case Opened(duration_ms):
                self._duration_ms[number] = duration_ms
            case Progress(done_ms):
                self._done_ms[number] = done_ms
            case Final() | SpeakersFound() | AudioEventsFound():
                pass
            case Finished(duration_ms):
                self._done_ms[number] = self._duration_ms[number] = duration_ms
        self._draw()

    def ended(self, number: int) -> None:
        """The file of this number needs no more work, for better or worse."""
        self._ended[number] = True
        self._draw()

    def clear(self) -> None:
        """Leave the line empty, for something else to be written there."""
        if self.visible:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = float("-inf")

    def _draw(self) -> None:
        now = self._clock()
        if self.visible and now - self._drawn >= REDRAW_AFTER_S:
            self._drawn = now
            columns = shutil.get_terminal_size().columns
            self._stream.write("\r" + self.text()[: columns - 1] + "\x1b[K")
            self._stream.flush()

    def text(self) -> str:
        """``[######......]  0:42 of 2:13  38 x real time``; a ``+`` while some lengths are not known."""
        filled = round(BAR_WIDTH * self._share())
        done_ms = sum(self._done_ms)
        known = [duration_ms for duration_ms in self._duration_ms if duration_ms is not None]
        open_end = any(d is None and not ended for d, ended in zip(self._duration_ms, self._ended, strict=True))
        elapsed_s = self._clock() - self._started if self._started is not None else 0
        parts = [
            f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}]",
            f"{length(done_ms)} of {length(max(sum(known), done_ms))}{'+' if open_end else ''}",
            f"{done_ms / 1000 / max(elapsed_s, 0.001):.0f} x real time",
        ]
        if len(self._sizes) > 1:
            parts.insert(1, f"{sum(self._ended)} of {len(self._sizes)} files")
        return "  ".join(parts)

    def _share(self) -> float:
        done = 0.0
        for number, size in enumerate(self._sizes):
            duration_ms = self._duration_ms[number]
            if self._ended[number]:
                done += size
            elif duration_ms:
                done += size * min(self._done_ms[number] / duration_ms, 1)
        return done / (sum(self._sizes) or 1)


def length(ms: int) -> str:
    """``0:07``, ``1:02:03``."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
