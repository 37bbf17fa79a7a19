"""What is shown of a live stream while it goes on: text on a terminal, lines of text or of JSON elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from typing import Any, Protocol, TextIO

from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.spacing import joined
from dragoman.core.speakers import by_speaker
from dragoman.core.transcript import Segment
from dragoman.formats.json import segment_fields
from dragoman.formats.labels import NUMBERED
from dragoman.server.cli.word_files import printable

_ERASE = "\r\x1b[K"
_DIM = "\x1b[2m"
_PLAIN = "\x1b[0m"
_CUT = "…"


class LiveText(Protocol):
    def event(self, event: SpeechEvent) -> None:
        """Show what happened, at once. Raises ``OSError`` when nobody reads any more."""
        ...

    def note(self, text: str) -> None:
        """Say something to the person at the terminal, on standard error."""
        ...

    def close(self) -> None:
        """Leave nothing unfinished behind."""
        ...


def live_text(format_name: str) -> LiveText:
    """``json``, or ``txt``: as suits the standard output."""
    if format_name == "json":
        return JsonLines(sys.stdout)
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalText(sys.stdout)
    return FinalLines(sys.stdout)


class FinalLines:
    """A line per final and speaker, and nothing of what may still change."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def event(self, event: SpeechEvent) -> None:
        if isinstance(event, Final):
            _write(self._output, _lines(event.segment))

    def note(self, text: str) -> None:
        _say(text)

    def close(self) -> None:
        """Every line is complete."""


class JsonLines:
    """Every event, an object a line."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def event(self, event: SpeechEvent) -> None:
        _write(self._output, json.dumps(_fields(event), ensure_ascii=False, separators=(",", ":")) + "\n")

    def note(self, text: str) -> None:
        _say(text)

    def close(self) -> None:
        """Every line is complete."""


class TerminalText:
    """A line per final and speaker, below them what is being said, rewritten in place: what may still change is dim.

    The open line never takes more than one row, of which the end is shown when it is longer; a line of the terminal
    that has wrapped cannot be taken back. Finals are wrapped by the terminal, so that it can wrap them anew.
    """

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._is_open = False

    def event(self, event: SpeechEvent) -> None:
        match event:
            case Partial(segment, stable_words):
                stable = joined(word.text for word in segment.words[:stable_words])
                _write(self._output, _ERASE + open_line(segment.text, len(stable), shutil.get_terminal_size().columns))
                self._is_open = True
            case Final(segment):
                self.close()
                _write(self._output, _lines(segment))
            case SpeechEnded() | Finished():
                self.close()
            case SpeechStarted():
                pass

    def note(self, text: str) -> None:
        self.close()
        _say(text)

    def close(self) -> None:
        if self._is_open:
            _write(self._output, _ERASE)
            self._is_open = False


def open_line(text: str, stable: int, columns: int) -> str:
    """The end of the text that fits into one row, dim after its first ``stable`` characters."""
    certain, rest = (printable(part) for part in (text[:stable], text[stable:]))
    shown = _end(certain + rest, columns - 1)  # a row that is full wraps in some terminals
    dim = min(len(rest), len(shown.removeprefix(_CUT)))
    return f"{shown[: len(shown) - dim]}{_DIM}{shown[len(shown) - dim :]}{_PLAIN}"


def _end(text: str, columns: int) -> str:
    if sum(map(_columns, text)) <= columns:
        return text
    left = columns - _columns(_CUT)
    start = len(text)
    while start and (left := left - _columns(text[start - 1])) >= 0:
        start -= 1
    while start < len(text) and _columns(text[start]) == 0:  # what belongs to a character that is cut off
        start += 1
    return _CUT + text[start:]


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _lines(segment: Segment) -> str:
    """One for each who says something of it."""
    lines = []
    for part in by_speaker(segment):
        who = "" if part.speaker is None else f"[{NUMBERED.speaker(part.speaker)}] "
        if text := printable(" ".join(part.text.split())):
            lines.append(f"{who}{text}\n")
    return "".join(lines)


def _fields(event: SpeechEvent) -> dict[str, Any]:
    match event:
        case SpeechStarted(index, channel, start_ms):
            return {"event": "speech_started", "index": index, "channel": channel, "start_ms": start_ms}
        case Partial(segment, stable_words):
            return {"event": "partial", **segment_fields(segment), "stable_words": stable_words}
        case Final(segment):
            return {"event": "final", **segment_fields(segment)}
        case SpeechEnded(index, channel, end_ms):
            return {"event": "speech_ended", "index": index, "channel": channel, "end_ms": end_ms}
        case Finished(duration_ms, language, model):
            return {"event": "finished", "duration_ms": duration_ms, "language": language, "model": model}


def _write(output: TextIO, text: str) -> None:
    """In UTF-8 whatever the locale."""
    output.buffer.write(text.encode())
    output.buffer.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"dragoman: {text}\n")
    sys.stderr.flush()
