"""``dragoman stream``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dragoman.core.errors import DragomanError, InvalidAudio, by_code
from dragoman.core.ports import SAMPLE_RATE
from dragoman.server.cli.live_recognition import INTERRUPTED, recognise_live
from dragoman.server.cli.live_text import live_text
from dragoman.server.cli.options import (
    config_option,
    diarize_option,
    dictionary_option,
    engine_option,
    for_one_stream,
    language_option,
    live_format_option,
    live_request,
    phrases_option,
    profile_option,
    settings_from,
    speaker_request,
    speakers_option,
)

if TYPE_CHECKING:
    from dragoman.server.settings import Settings

_DECODER: Final = (sys.executable, "-P", "-m", "dragoman.server.decode_main")
_PIECE_MS: Final = 100


@click.command(short_help="Play a recording through the live recogniser.")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="Times as fast as it was spoken.",
)
@live_format_option
@diarize_option
@speakers_option
@language_option
@phrases_option
@dictionary_option
@profile_option
@engine_option
@config_option
def stream(
    file: Path,
    speed: float,
    format_name: str,
    diarize: bool,
    speakers: int | None,
    language: str | None,
    phrases_file: Path | None,
    dictionary_file: Path | None,
    profile: str,
    engine: str | None,
    config: Path | None,
) -> int:
    """Play a recording at the pace it was spoken and write what is said as if it were live.

    On a terminal the words appear while they are said, dim as long as they may change; anywhere else each line is
    final. JSON has every event, one a line. Channels are mixed. Ctrl-C ends the recording early: what was played is
    still recognised; a second Ctrl-C ends at once.

    \b
    Examples:
      dragoman stream interview.mp3
      dragoman stream --diarize meeting.m4a
      dragoman stream --speed 4 --phrases products.txt call.wav
      dragoman stream --format json call.wav | jq .text
    """
    settings = for_one_stream(settings_from({}, config=config, engine=engine), profile)
    told_apart = speaker_request(diarize, speakers)
    request = live_request(language, profile, phrases_file, dictionary_file, told_apart, settings)
    played = Playback(file, speed, settings)
    return recognise_live(played, request, settings, live_text(format_name), interrupted=INTERRUPTED)


class Playback:
    """A recording at its own pace, or ``speed`` times as fast. Decoded by a process of its own, as far as is played."""

    rate = SAMPLE_RATE

    def __init__(self, file: Path, speed: float, settings: Settings) -> None:
        self._file = file
        self._speed = speed
        self._settings = settings

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Each when it would have been recorded to its end. Raises ``DragomanError`` with the name of the file."""
        limits = (self._settings.max_duration_s, self._settings.max_channels, self._settings.worker_memory_mb)
        decoder = await asyncio.create_subprocess_exec(
            *(*_DECODER, str(self._file.absolute()), *map(str, limits)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # an interrupt is for the command
        )
        assert decoder.stdout is not None
        try:
            size = 2 * self.rate * _PIECE_MS // 1000
            now = asyncio.get_running_loop().time
            due: float | None = None
            while piece := await _read(decoder.stdout, size):
                due = (now() if due is None else due) + len(piece) / 2 / self.rate / self._speed
                await asyncio.sleep(due - now())
                yield piece
        finally:
            if decoder.returncode is None and not decoder.stdout.at_eof():
                decoder.kill()
            _, said = await decoder.communicate()
        if decoder.returncode:
            raise self._problem(said.decode())

    def _problem(self, said: str) -> DragomanError:
        """What the decoder said in its one line; when it died it said none, or more than one."""
        code, _, message = said.partition(" ")
        if said.count("\n") != 1:
            return InvalidAudio(f"{self._file}: the decoder crashed on this file; it may be damaged")
        return by_code(code, f"{self._file}: {message.strip()}")


async def _read(reader: asyncio.StreamReader, size: int) -> bytes:
    """So many bytes; fewer at the end."""
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        return error.partial
