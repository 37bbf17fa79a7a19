"""The options that commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dragoman.core.errors import UnsupportedLanguage
from dragoman.core.request import MOST_SPEAKERS, RecognitionRequest, SpeakerRequest, Vocabulary

if TYPE_CHECKING:
    from dragoman.server.settings import Settings
    from dragoman.service.recognition import Recognition

Option = Callable[[Callable[..., Any]], Callable[..., Any]]


def _language(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from dragoman.language.tags import iso_639_1

    try:
        return iso_639_1(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is {error}; write it as in en, eng or en-US.") from error


language_option: Option = click.option(
    "--language",
    callback=_language,
    metavar="CODE",
    help="What is spoken, such as en.  [default: the model's own]",
)
phrases_option: Option = click.option(
    "--phrases",
    "phrases_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Phrases that are likely to be said, one a line.",
)
dictionary_option: Option = click.option(
    "--dictionary",
    "dictionary_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Words the recogniser may not know, one a line, after a tab its phonemes.",
)
profile_option: Option = click.option(
    "--profile", default="default", show_default=True, metavar="NAME", help="A recogniser of the settings."
)
diarize_option: Option = click.option("--diarize", is_flag=True, help="Tell speakers apart, and write who says what.")
speakers_option: Option = click.option(
    "--speakers",
    type=click.IntRange(1, MOST_SPEAKERS),
    metavar="N",
    help="How many people speak, on each channel that is recognised; goes with --diarize.",
)
live_format_option: Option = click.option(
    "--format",
    "format_name",
    type=click.Choice(["txt", "json"]),
    default="txt",
    show_default=True,
    help="Text, or every event as JSON, one a line.",
)
config_option: Option = click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="A TOML file of settings."
)
workers_option: Option = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Recognition processes.  [default: one per core]"
)
engine_option: Option = click.option(
    "--engine",
    type=click.Choice(["moonshine", "fake"]),
    help="Recogniser of every profile; fake needs no model and makes words up.  [default: as configured]",
)


def settings_from(flags: Mapping[str, Any], *, config: Path | None, engine: str | None = None) -> Settings:
    """The settings, or a usage error that says which one is wrong. ``engine`` replaces that of every profile."""
    from msgspec.structs import replace

    from dragoman.server.settings import SettingsError, load_settings

    try:
        settings = load_settings(flags, config=config)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    if engine is not None:
        profiles = {name: replace(profile, engine=engine) for name, profile in settings.profiles.items()}
        settings = replace(settings, profiles=profiles)
    return settings


def with_one_recogniser(settings: Settings, name: str) -> Settings:
    """For a command that is not a server: only the profile of this name is loaded, and those whose languages it serves
    too, without a quota, for one live stream however slow the machine is and whatever it asks for, and logs are brief.

    Raises a usage error when there is no such profile.
    """
    from msgspec.structs import replace

    if name not in settings.profiles:
        raise click.UsageError(f"There is no profile {name!r}; the settings name {', '.join(settings.profiles)}.")
    profile = replace(settings.profiles[name], quota_minutes=None)
    profiles = dict.fromkeys(settings.profiles, profile) | {other: settings.profiles[other] for other in profile.others}
    return replace(settings, profiles=profiles, max_concurrent_streams=2, log_level="error")


def for_one_stream(settings: Settings, name: str) -> Settings:
    """``with_one_recogniser``, and one worker."""
    from msgspec.structs import replace

    return replace(with_one_recogniser(settings, name), workers=1)


def live_request(
    language: str | None,
    profile: str,
    phrases_file: Path | None,
    dictionary_file: Path | None,
    speakers: SpeakerRequest | None,
    settings: Settings,
) -> RecognitionRequest:
    """What the options of a live stream ask for."""
    vocabulary = vocabulary_from(phrases_file, dictionary_file, settings)
    return RecognitionRequest(language, profile=profile, vocabulary=vocabulary, speakers=speakers)


def speaker_request(diarize: bool, speakers: int | None) -> SpeakerRequest | None:
    """Raises a usage error where a number of speakers is given for nothing."""
    if speakers is not None and not diarize:
        raise click.UsageError("--speakers goes with --diarize.")
    return SpeakerRequest(count=speakers) if diarize else None


def vocabulary_from(phrases_file: Path | None, dictionary_file: Path | None, settings: Settings) -> Vocabulary:
    """What is accepted of the files; what is not gets a line on standard error."""
    if phrases_file is None and dictionary_file is None:
        return Vocabulary()
    from dragoman.server.cli import word_files
    from dragoman.service.vocabulary import Draft

    draft = Draft(
        word_files.read_phrases(phrases_file).phrases if phrases_file is not None else (),
        word_files.read_dictionary(dictionary_file).words if dictionary_file is not None else (),
    )
    checked = word_files.check(draft, settings)
    for line in word_files.left_out(checked):
        click.echo(f"dragoman: {line}", err=True)
    return checked.accepted


def check_request(request: RecognitionRequest, recognition: Recognition) -> None:
    """Raises a usage error for an option that this recogniser cannot honour."""
    try:
        recognition.checked(replace(request, speakers=None))
    except UnsupportedLanguage as error:
        raise click.UsageError(f"--language: {error.message}") from error
    capabilities = recognition.capabilities(request.profile).in_language(request.language)
    if request.speakers is not None and not capabilities.diarizes:
        raise click.UsageError(f"--diarize: the recogniser of profile {request.profile!r} cannot tell speakers apart.")
    if request.audio_events and not capabilities.tags_audio:
        raise click.UsageError("--audio-events: no model that tags audio is installed; see `dragoman models`.")
    if request.vocabulary.phrases and not capabilities.phrases:
        raise click.UsageError(f"--phrases: the recogniser of profile {request.profile!r} cannot prefer phrases.")
