"""``dragoman models``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dragoman.core.models import InstalledModel, Model, ModelEngine, ModelTask
from dragoman.server.cli.options import Option, config_option, settings_from

if TYPE_CHECKING:
    from dragoman.server.settings import Settings
    from dragoman.service.models import Models, Watcher

_MOST_LANGUAGES: Final = 6
"""In a table."""

_names_argument: Option = click.argument("names", metavar="NAME...", nargs=-1, required=True)


def _languages(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    from dragoman.language.tags import iso_639_1

    try:
        return tuple(dict.fromkeys(iso_639_1(value) for value in values))
    except ValueError as error:
        raise click.BadParameter(f"{', '.join(values)}: {error}; write it as in en, eng or en-US.") from error


@click.group(short_help="Models for more languages and tasks.")
def models() -> None:
    """Models for more languages and tasks: those of the catalogue by name, others from a folder.

    They are kept in the folder models of the setting state_dir, or in models_dir, with checksums of all their files.
    """


@models.command("list", short_help="List the models that are installed or in the catalogue.")
@click.option("--json", "as_json", is_flag=True, help="JSON, an object a line.")
@config_option
def list_(as_json: bool, config: Path | None) -> int:
    """List the models that are installed, damaged, or available in the catalogue, and the profiles that they may serve.

    \b
    Examples:
      dragoman models list
      dragoman models list --json | jq 'select(.state == "installed").name'
    """
    settings = settings_from({}, config=config)
    facts = list(_facts(settings, _models(settings)))
    if as_json:
        for fact in facts:
            click.echo(json.dumps(fact))
    else:
        for line in _table(facts):
            click.echo(line)
    for warning in _contested(settings):
        click.echo(f"dragoman: {warning}", err=True)
    for fact in facts:
        if fact["fault"]:
            click.echo(f"dragoman: {fact['name']} is damaged: {fact['fault']}; {fact['remedy']}", err=True)
    return 0


@models.command(short_help="Fetch models of the catalogue and install them.")
@_names_argument
@config_option
def pull(names: tuple[str, ...], config: Path | None) -> int:
    """Fetch models of the catalogue and install them. What broke off goes on where it was.

    Of these commands this one alone opens connections: to the address that the catalogue names for each file, through
    the proxies of the environment. With the setting offline it refuses to.

    \b
    Examples:
      dragoman models pull whisper-small
      HTTPS_PROXY=http://proxy.example:3128 dragoman models pull parakeet-tdt-0.6b-v3
    """
    known = _models(settings_from({}, config=config))
    for name in names:
        with _named(), _watched(name) as watcher:
            fetched = known.pull(name, watcher)
        model = known.catalogue[name]
        if fetched:
            click.echo(f"{name} is installed: {_megabytes(model.size)}, licence {model.licence}, {model.source}")
        else:
            click.echo(f"{name} is installed already, and whole.")
    return 0


@models.command(short_help="Install a model from a folder.")
@click.argument("name")
@click.option(
    "--path", "folder", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Where its files are."
)
@click.option("--engine", type=click.Choice([each.value for each in ModelEngine]), help="What runs it.")
@click.option("--task", type=click.Choice([each.value for each in ModelTask]), help="What it is for.  [recognition]")
@click.option(
    "--language",
    "languages",
    multiple=True,
    callback=_languages,
    metavar="CODE",
    help="A language that it knows; may be given several times.",
)
@click.option("--kind", metavar="WORD", help="Its kind, where the engine knows several.")
@config_option
def add(
    name: str,
    folder: Path,
    engine: str | None,
    task: str | None,
    languages: tuple[str, ...],
    kind: str | None,
    config: Path | None,
) -> int:
    """Install a model from a folder, without any network: a stick, a share, an unpacked archive.

    A model of the catalogue has to match it file by file. Another one needs --engine, and --language for recognition,
    unless its files and the folder's name tell them, as those of Moonshine's models do.
    Files are linked where the file system allows it, otherwise copied; the folder can go afterwards.

    \b
    Examples:
      dragoman models add whisper-small --path /media/stick/faster-whisper-small
      dragoman models add our-dialect --path trained --engine whisper --language de
    """
    from dragoman.service.models import Description

    known = _models(settings_from({}, config=config))
    described = None
    if engine or task or languages or kind:
        described = Description(
            ModelTask(task or ModelTask.RECOGNITION), ModelEngine(engine) if engine else None, languages, kind or ""
        )
    with _named(), _watched(name) as watcher:
        installed = known.add(name, folder, described, watcher)
    click.echo(f"{name} is installed: {len(installed.model.files)} files, {_megabytes(installed.model.size)}.")
    return 0


@models.command(short_help="Remove installed models.")
@_names_argument
@config_option
def remove(names: tuple[str, ...], config: Path | None) -> int:
    """Remove installed models. A server that has one loaded goes on with it until it is restarted."""
    known = _models(settings_from({}, config=config))
    for name in names:
        with _named(), _watched(name) as watcher:
            known.remove(name, watcher)
        click.echo(f"{name} is removed.")
    return 0


@models.command(short_help="Check the files of installed models.")
@click.argument("names", metavar="[NAME...]", nargs=-1)
@config_option
def verify(names: tuple[str, ...], config: Path | None) -> int:
    """Check size and checksum of every file of these models, or of all that are installed.

    Every line is "ok", or "problem" and what to do about it; with a problem the exit status is 1.
    """
    known = _models(settings_from({}, config=config))
    sound = True
    for name in names or [_name(found) for found in known.folder.models()]:
        with _named():
            faults = known.verify(name)
        for fault in faults:
            click.echo(f"problem: {name}: {fault}: {known.remedy(name)}")
        if not faults:
            click.echo(f"ok: {name}")
        sound = sound and not faults
    return 0 if sound else 1


def _models(settings: Settings) -> Models:
    from dragoman.server.models import build_models
    from dragoman.service.model_catalogue import CatalogueError

    try:
        return build_models(settings)
    except CatalogueError as error:
        raise click.UsageError(f"{error}.") from error


@contextmanager
def _named() -> Iterator[None]:
    from dragoman.service.models import ModelsError

    try:
        yield
    except ModelsError as error:
        raise click.ClickException(f"{error}.") from error


@contextmanager
def _watched(name: str) -> Iterator[Watcher]:
    from dragoman.server.cli.download_line import DownloadLine
    from dragoman.service.models import Watcher

    line = DownloadLine(name)
    try:
        yield Watcher(
            line.progress,
            lambda: click.echo(f"Another command is at {name}; waiting until it is done.", err=True),
        )
    except KeyboardInterrupt:
        line.clear()
        click.echo(f"Stopped. {name} is as it was; give the same command again to go on.", err=True)
        raise
    finally:
        line.clear()


def _name(found: Any) -> str:
    return found.model.name if isinstance(found, InstalledModel) else str(found.name)


def _facts(settings: Settings, known: Models) -> Iterator[dict[str, Any]]:
    from dragoman.server.models import profiles_of

    present = known.folder.models()
    installed = [found.model for found in present if isinstance(found, InstalledModel)]
    for found in present:
        if isinstance(found, InstalledModel):
            served = profiles_of(found.model, settings, installed)
            yield {**_fact(found.model), "state": "installed", "folder": str(found.folder), "profiles": served}
        else:
            facts = _fact(known.catalogue.get(found.name), found.name)
            yield {**facts, "state": "damaged", "fault": found.fault, "remedy": known.remedy(found.name)}
    there = {_name(found) for found in present}
    for name, model in known.catalogue.items():
        if name not in there:
            yield {**_fact(model), "state": "available"}


def _fact(model: Model | None, name: str = "") -> dict[str, Any]:
    return {
        "name": model.name if model else name,
        "state": "",
        "task": model.task.value if model else None,
        "engine": model.engine.value if model else None,
        "languages": list(model.languages) if model else [],
        "size": model.size if model else None,
        "licence": model.licence if model else "",
        "source": model.source if model else "",
        "folder": None,
        "profiles": [],
        "fault": None,
        "remedy": None,
    }


def _table(facts: Iterable[dict[str, Any]]) -> Iterator[str]:
    head = ("MODEL", "STATE", "SIZE", "ENGINE", "TASK", "LANGUAGES", "LICENCE", "PROFILES")
    rows = [
        (
            fact["name"],
            fact["state"],
            "" if fact["size"] is None else _megabytes(fact["size"]),
            fact["engine"] or "",
            fact["task"] or "",
            _few(fact["languages"]),
            fact["licence"],
            ", ".join(fact["profiles"]),
        )
        for fact in facts
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _few(languages: Sequence[str]) -> str:
    if len(languages) <= _MOST_LANGUAGES:
        return " ".join(languages)
    return " ".join(languages[: _MOST_LANGUAGES - 1]) + f" and {len(languages) - _MOST_LANGUAGES + 1} more"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:,.1f} MB"


def _contested(settings: Settings) -> Iterator[str]:
    from dragoman.core.errors import UnknownModel
    from dragoman.server.models import build_models, wishes
    from dragoman.service.model_choice import contested

    installed = [found.model for found in build_models(settings).folder.models() if isinstance(found, InstalledModel)]
    for wish in wishes(settings):
        try:
            claims = contested(wish, installed)
        except UnknownModel as error:
            yield error.message
            continue
        for names in sorted({tuple(names) for names in claims.values()}):
            languages = [language for language, claimants in claims.items() if tuple(claimants) == names]
            claim = f"{' and '.join(names)} claim the same languages ({_few(languages)})"
            yield f"profile {wish.profile}: {claim}; say in its `models` which one is to serve"
