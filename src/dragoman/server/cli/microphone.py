"""Audio that arrives while the command runs: from a microphone, or on standard input."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent import futures
from typing import Any, Final

import click

from dragoman.core.ports import SAMPLE_RATE

_PIECE_MS: Final = 100
_BEHIND_MS: Final = 3_000
_MOST_MS: Final = 60_000
"""Audio that waits for the recogniser: when it is worth a word, and when no more is kept."""
_INSTEAD: Final = "Or pipe audio in, for example: arecord -q -t raw -f S16_LE -r 16000 -c 1 | dragoman listen -"


class NoMicrophone(click.ClickException):
    """The microphone cannot be used; the message says why and what to do."""


class Microphone:
    """One channel of an input device, from ``pieces`` being asked for until it is closed.

    PortAudio delivers in a thread that may not wait, so what the recogniser has not taken yet piles up here, as far as
    a minute; that it does, and that something was lost, is said once each, through ``note``.
    """

    def __init__(self, device: str | None, rate: int | None, note: Callable[[str], None]) -> None:
        """Raises ``NoMicrophone``."""
        self._portaudio = _portaudio()
        self._device: int | str | None = int(device) if device is not None and device.isdecimal() else device
        self._note = note
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._notes: set[str] = set()
        self.rate = rate or self._best_rate()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Raises ``NoMicrophone``."""
        loop = asyncio.get_running_loop()

        def heard(audio: Any, frames: int, time: Any, status: Any) -> None:
            loop.call_soon_threadsafe(self._take, bytes(audio), bool(status.input_overflow))

        def ended() -> None:
            loop.call_soon_threadsafe(self._waiting.put_nowait, b"")

        try:
            microphone = self._portaudio.RawInputStream(
                samplerate=self.rate,
                blocksize=self.rate * _PIECE_MS // 1000,
                device=self._device,
                channels=1,
                dtype="int16",
                callback=heard,
                finished_callback=ended,
            )
        except (self._portaudio.PortAudioError, ValueError) as error:
            raise _unusable(error) from error
        with microphone:
            if sys.stderr.isatty():
                self._note("listening; Ctrl-C ends it")
            while piece := await self._waiting.get():
                yield piece
        raise NoMicrophone("The microphone delivers nothing any more.")

    def _take(self, piece: bytes, some_were_lost: bool) -> None:
        waiting_ms = self._waiting.qsize() * _PIECE_MS
        if waiting_ms >= _BEHIND_MS:
            self._say_once(f"the recogniser is more than {_BEHIND_MS // 1000} seconds behind")
        if some_were_lost or waiting_ms >= _MOST_MS:
            self._say_once("this machine is too busy; some of what was said is lost")
        if waiting_ms < _MOST_MS:
            self._waiting.put_nowait(piece)

    def _say_once(self, text: str) -> None:
        if text not in self._notes:
            self._notes.add(text)
            self._note(text)

    def _best_rate(self) -> int:
        """What the recogniser works with, if the device can; otherwise the device's own."""
        try:
            own = round(float(self._portaudio.query_devices(self._device, "input")["default_samplerate"]))
        except (self._portaudio.PortAudioError, ValueError) as error:
            raise _unusable(error) from error
        try:
            self._portaudio.check_input_settings(self._device, channels=1, dtype="int16", samplerate=SAMPLE_RATE)
        except (self._portaudio.PortAudioError, ValueError):
            return own
        return SAMPLE_RATE


class StandardInput:
    """Raw samples on standard input, read as fast as the recogniser takes them."""

    def __init__(self, rate: int) -> None:
        self.rate = rate

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        size = 2 * self.rate * _PIECE_MS // 1000

        def read() -> None:
            with contextlib.suppress(RuntimeError, futures.CancelledError):  # nobody waits any more
                while True:
                    piece = os.read(0, size)
                    asyncio.run_coroutine_threadsafe(waiting.put(piece), loop).result()
                    if not piece:
                        break

        # A thread of the loop's own would be waited for at the end, and with it the next input.
        threading.Thread(target=read, name="standard input", daemon=True).start()
        while piece := await waiting.get():
            yield piece


def devices() -> str:
    """The input devices, a line each; the number or a part of the name is what ``--device`` takes.

    Raises ``NoMicrophone``.
    """
    portaudio = _portaudio()
    try:
        found = [(number, device) for number, device in enumerate(portaudio.query_devices())]
        interfaces = [interface["name"] for interface in portaudio.query_hostapis()]
        chosen = portaudio.default.device[0]
    except portaudio.PortAudioError as error:
        raise _unusable(error) from error
    lines = [
        f"{'*' if number == chosen else ' '} {number:2}  {device['name']}, {interfaces[device['hostapi']]}\n"
        for number, device in found
        if device["max_input_channels"]
    ]
    if not lines:
        raise NoMicrophone(f"This machine has no input device.\n{_INSTEAD}")
    return "".join(lines)


def _portaudio() -> Any:
    try:
        import sounddevice  # type: ignore[import-untyped]
    except ImportError as error:
        raise NoMicrophone(
            f"The microphone needs the package sounddevice: pip install 'dragoman[listen]'.\n{_INSTEAD}"
        ) from error
    except OSError as error:
        raise NoMicrophone(
            "The microphone needs the PortAudio library; on Debian and Ubuntu: apt install libportaudio2.\n" + _INSTEAD
        ) from error
    return sounddevice


def _unusable(error: Exception) -> NoMicrophone:
    return NoMicrophone(
        f"The microphone cannot be used: {' '.join(str(error).split())}. dragoman listen --list-devices shows what "
        f"there is.\n{_INSTEAD}"
    )
