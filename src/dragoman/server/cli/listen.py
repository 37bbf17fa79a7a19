"""``dragoman listen``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dragoman.core.ports import SAMPLE_RATE
from dragoman.server.cli.live_recognition import AudioSource, recognise_live
from dragoman.server.cli.live_text import live_text
from dragoman.server.cli.microphone import Microphone, StandardInput, devices
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


@click.command(short_help="Write what is said into the microphone.")
@click.argument("source", metavar="[-]", type=click.Choice(["-"]), required=False)
@click.option(
    "--rate",
    type=click.IntRange(8_000, 48_000),
    metavar="HERTZ",
    help="Samples a second.  [default: 16000, or what the microphone can]",
)
@click.option("--device", metavar="DEVICE", help="Number or name of the input device.  [default: the system's]")
@click.option("--list-devices", is_flag=True, help="Show the input devices, the system's marked, and end.")
@live_format_option
@diarize_option
@speakers_option
@language_option
@phrases_option
@dictionary_option
@profile_option
@engine_option
@config_option
def listen(
    source: str | None,
    rate: int | None,
    device: str | None,
    list_devices: bool,
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
    """Write what is said into the microphone, or "-": in the raw audio on standard input, one channel of signed 16-bit
    little-endian samples.

    On a terminal the words appear while they are said, dim as long as they may change; anywhere else each line is
    final. JSON has every event, one a line. Ctrl-C ends it once the last words have appeared; a second Ctrl-C ends at
    once.

    \b
    Examples:
      dragoman listen
      dragoman listen --diarize
      dragoman listen --device "USB" --phrases products.txt
      arecord -q -t raw -f S16_LE -r 16000 -c 1 | dragoman listen -
      ffmpeg -v error -i rtsp://camera/1 -f s16le -ac 1 -ar 8000 - | dragoman listen --rate 8000 -
    """
    if list_devices:
        click.echo(devices(), nl=False)
        return 0
    if source is not None and sys.stdin.isatty():
        raise click.UsageError("Standard input (-) is a terminal; pipe raw audio into it.")
    if source is not None and device is not None:
        raise click.UsageError("--device is for the microphone, not for standard input (-).")
    settings = for_one_stream(settings_from({}, config=config, engine=engine), profile)
    told_apart = speaker_request(diarize, speakers)
    request = live_request(language, profile, phrases_file, dictionary_file, told_apart, settings)
    text = live_text(format_name)
    audio: AudioSource = StandardInput(rate or SAMPLE_RATE) if source else Microphone(device, rate, text.note)
    return recognise_live(audio, request, settings, text, interrupted=0)
