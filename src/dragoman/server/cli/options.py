"""Settings out of the options that commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dragoman.server.settings import Settings

config_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="A TOML file of settings."
)
workers_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Recognition processes.  [default: one per core]"
)
engine_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
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
    """For a command that is not a server: only the profile of this name is loaded, without a quota, and logs are brief.

    Raises a usage error when there is no such profile.
    """
    from msgspec.structs import replace

    if name not in settings.profiles:
        raise click.UsageError(f"There is no profile {name!r}; the settings name {', '.join(settings.profiles)}.")
    profile = replace(settings.profiles[name], quota_minutes=None)
    return replace(settings, profiles=dict.fromkeys(settings.profiles, profile), log_level="error")
