"""``dragoman transcribe``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from dragoman.core.errors import DragomanError
from dragoman.core.request import ChannelSelection, RecognitionRequest
from dragoman.core.transcript import Transcript
from dragoman.formats import FORMATS, Format
from dragoman.server.cli.destination import CannotWrite, Destination, Folder, StandardOutput
from dragoman.server.cli.options import (
    check_request,
    config_option,
    diarize_option,
    dictionary_option,
    engine_option,
    language_option,
    phrases_option,
    profile_option,
    settings_from,
    speaker_request,
    speakers_option,
    vocabulary_from,
    with_one_recogniser,
    workers_option,
)
from dragoman.server.cli.progress import ProgressLine, length

if TYPE_CHECKING:
    from dragoman.server.settings import Settings

STANDARD_INPUT = Path("-")
TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Recording:
    """One FILE of the command line. ``problem`` says why it cannot even be tried."""

    name: Path
    media: Path
    size: int = 0
    problem: str = ""


def _channels(context: click.Context, parameter: click.Parameter, value: str) -> ChannelSelection:
    try:
        return ChannelSelection.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(short_help="Write what is said in recordings.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--format", "format_name", type=click.Choice(list(FORMATS)), default="txt", show_default=True, help="What to write."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a file each into this folder.",
)
@click.option(
    "--channels",
    callback=_channels,
    default="mix",
    show_default=True,
    metavar="mix|split|0,1",
    help="Mix the channels, or recognise each, or those of these numbers, by itself.",
)
@diarize_option
@speakers_option
@click.option("--audio-events", is_flag=True, help="Find laughter, applause, music and the like; told in JSON.")
@language_option
@phrases_option
@dictionary_option
@profile_option
@workers_option
@engine_option
@config_option
def transcribe(
    files: tuple[Path, ...],
    format_name: str,
    output: Path | None,
    channels: ChannelSelection,
    diarize: bool,
    speakers: int | None,
    audio_events: bool,
    language: str | None,
    phrases_file: Path | None,
    dictionary_file: Path | None,
    profile: str,
    workers: int | None,
    engine: str | None,
    config: Path | None,
) -> int:
    """Write what is said in recordings: any audio file, or the sound of a video.

    The transcripts come in the order of the files; "-" reads standard input. A file that cannot be used gets a line on
    standard error, the others are transcribed all the same, and the exit status is 1.

    \b
    Examples:
      dragoman transcribe interview.mp3
      dragoman transcribe --format srt --output subtitles/ *.mp4
      dragoman transcribe --channels split call.wav
      dragoman transcribe --diarize --format vtt meeting.m4a
      dragoman transcribe --phrases products.txt --dictionary names.txt call.wav
      ffmpeg -i talk.mkv -f wav - | dragoman transcribe --format json - > talk.json
    """
    settings = with_one_recogniser(settings_from({"workers": workers}, config=config, engine=engine), profile)
    told_apart = speaker_request(diarize, speakers)
    if audio_events and format_name != "json":
        raise click.UsageError("--audio-events goes with --format json.")
    if files.count(STANDARD_INPUT) > 1:
        raise click.UsageError("Standard input (-) can be read only once.")
    if STANDARD_INPUT in files and sys.stdin.isatty():
        raise click.UsageError("Standard input (-) is a terminal; pipe a recording into it.")
    form = FORMATS[format_name]
    vocabulary = vocabulary_from(phrases_file, dictionary_file, settings)
    request = RecognitionRequest(
        language,
        form.time_detail,
        channels,
        profile,
        vocabulary,
        speakers=told_apart,
        audio_events=audio_events,
    )
    with contextlib.ExitStack() as spools:
        recordings = [_recording(file, settings.spool_dir, spools) for file in files]
        destination = StandardOutput() if output is None else _folder(output, files, format_name)
        if all(recording.problem for recording in recordings):
            for recording in recordings:
                _report(recording, recording.problem)
            return 1

        try:
            return asyncio.run(_transcribe(recordings, request, settings, form, destination))
        except asyncio.CancelledError:
            return TERMINATED


def _recording(file: Path, spool_dir: Path, spools: contextlib.ExitStack) -> Recording:
    """What is known before recognition. Standard input and named pipes are copied to a file that ``spools`` deletes."""
    try:
        media = file
        if file == STANDARD_INPUT:
            media = spools.enter_context(_spooled(sys.stdin.buffer, spool_dir))
        elif stat.S_ISFIFO(file.stat().st_mode):
            with file.open("rb") as pipe:
                media = spools.enter_context(_spooled(pipe, spool_dir))
        with media.open("rb") as opened:
            return Recording(file, media, os.fstat(opened.fileno()).st_size)
    except IsADirectoryError:
        return Recording(file, file, problem=f"is a directory; name the files in it, such as {file}/*")
    except OSError as error:
        return Recording(file, file, problem=f"cannot be read: {error.strerror or error}")


@contextlib.contextmanager
def _spooled(source: BinaryIO, spool_dir: Path) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(dir=spool_dir, prefix="dragoman-") as spool:
        shutil.copyfileobj(source, spool)
        spool.flush()
        yield Path(spool.name)


def _folder(output: Path, files: Sequence[Path], extension: str) -> Folder:
    folder = Folder(output, [Path("stdin") if file == STANDARD_INPUT else file for file in files], extension)
    for file, target in zip(files, folder.targets, strict=True):
        if file != STANDARD_INPUT and target.stem != file.stem:
            click.echo(f"{file} will be written to {target}; another file has the same name", err=True)
    return folder


def _report(recording: Recording, problem: str) -> None:
    click.echo(f"dragoman: {recording.name}: {' '.join(problem.split())}", err=True)


async def _transcribe(
    recordings: Sequence[Recording],
    request: RecognitionRequest,
    settings: Settings,
    form: Format,
    destination: Destination,
) -> int:
    """Several at once, written in the order given. Interrupted or terminated, it stops the workers first."""
    from dragoman.server.recognisers import build_recognition

    with contextlib.suppress(NotImplementedError):  # Windows has no such signal
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    progress = ProgressLine([recording.size for recording in recordings])
    headed = progress.visible and len(recordings) > 1 and isinstance(destination, StandardOutput)
    turns = asyncio.Semaphore(min(settings.worker_count, settings.concurrent_files))
    recognition = build_recognition(settings)

    async def outcome(number: int) -> Transcript | str:
        """The transcript, or the problem with this file."""
        recording = recordings[number]
        try:
            if recording.problem:
                return recording.problem
            async with turns:
                return await recognition.transcribe(
                    recording.media, request, lambda event: progress.event(number, event)
                )
        except DragomanError as error:
            return error.message
        finally:
            progress.ended(number)

    failed = False
    async with contextlib.AsyncExitStack() as closing:
        closing.callback(progress.clear)
        closing.push_async_callback(recognition.aclose)
        await recognition.start()
        check_request(request, recognition)
        outcomes = [
            asyncio.create_task(outcome(number), name=f"transcribe {recording.name}")
            for number, recording in enumerate(recordings)
        ]
        closing.push_async_callback(_cancel, outcomes)
        for number, (recording, awaited) in enumerate(zip(recordings, outcomes, strict=True)):
            result = await awaited
            progress.clear()
            if isinstance(result, Transcript):
                if headed:
                    click.secho(f"{recording.name}  {length(result.duration_ms)}", err=True, bold=True)
                try:
                    destination.write(number, form(result))
                except CannotWrite as error:
                    result = str(error)
            if isinstance(result, str):
                _report(recording, result)
                failed = True
    return int(failed)


async def _cancel(tasks: Sequence[asyncio.Task[Transcript | str]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
