"""Writes the pages that say what the code and other pages say: ``make docs``. The suite fails when one is stale."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import click
import msgspec

from dragoman.core.errors import all_errors
from dragoman.server import settings as settings_module
from dragoman.server.app import Application, build_app
from dragoman.server.cli.main import command
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import ENVIRONMENT_PREFIX, Moonshine, Profile, Settings, Sherpa, Whisper

DOCS = Path(__file__).parent
NOTE = "<!-- Written by `make docs`. -->\n"


def table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |" for row in lines
    )


def settings() -> str:
    return f"""# Settings

{NOTE}
Sources, the later one wins: the defaults, a TOML file (`--config FILE` or `DRAGOMAN_CONFIG`), the environment
(`{ENVIRONMENT_PREFIX}` and the name in capitals, nested ones as JSON), the options of the command line. A wrong name or
value stops the program and is named. [Tune the limits](../howto/tune-limits.md) says which ones matter when.

{table(("setting", "default", "meaning"), fields(Settings))}

## Profiles

`profiles` is a table of recognisers that clients choose by name; one is named `default`.

{table(("field", "default", "meaning"), fields(Profile))}

The table `moonshine` of a profile:

{table(("field", "default", "meaning"), fields(Moonshine))}

The table `whisper` of a profile, with the extra `whisper` (`pip install 'dragoman[whisper]'`):

{table(("field", "default", "meaning"), fields(Whisper))}

The table `sherpa` of a profile, with the extra `sherpa` (`pip install 'dragoman[sherpa]'`):

{table(("field", "default", "meaning"), fields(Sherpa))}

```toml
port = 9000
workers = 4

[profiles.default]
mode = "speed"

[profiles.accurate]
mode = "accuracy"
quota_minutes = 600

[profiles.larger]
models = ["moonshine-base-en"]

[profiles.german]
engine = "whisper"
whisper = {{ folder = "/srv/models/whisper-small", language = "de", compute_type = "int8" }}

[profiles.live]
engine = "sherpa"
sherpa = {{ folder = "/srv/models/streaming-zipformer-en", languages = ["en"] }}
```
"""


def fields(struct: type[msgspec.Struct]) -> Iterable[tuple[str, ...]]:
    """Name, default and the docstring below each field of a settings class."""
    (body,) = (
        node.body
        for node in ast.parse(inspect.getsource(settings_module)).body
        if isinstance(node, ast.ClassDef) and node.name == struct.__name__
    )
    meaning = {}
    for node, following in pairwise(body):
        match node, following:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                meaning[name] = text.replace("``None``", "not set").replace("``", "`")
    for field in msgspec.structs.fields(struct):
        yield f"`{field.name}`", default(field), meaning[field.name]


def default(field: msgspec.structs.FieldInfo) -> str:
    if field.name == "spool_dir":
        return "the system's folder for temporary files"
    if field.required:
        return "has to be given"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, dict) and any(isinstance(entry, Profile) for entry in value.values()):
        return ", ".join(f"`{name}` ({profile.engine}, {profile.mode})" for name, profile in value.items())
    if isinstance(value, dict):
        return ", ".join(f"`{name}` → `{to}`" for name, to in value.items())
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def command_line() -> str:
    parts = [f"# Command line\n\n{NOTE}\n{prose(command.help)}\n\n{table(('option', 'meaning'), options(command))}"]
    for name, sub in sorted(subcommands(command)):
        arguments = " ".join(p.make_metavar(click.Context(sub)) for p in sub.params if isinstance(p, click.Argument))
        parts.append(f"## dragoman {name} {arguments}".rstrip())
        parts.append(prose(sub.help))
        parts.append(table(("option", "meaning"), options(sub)))
    parts.append(
        "## Exit status\n\n"
        + table(
            ("status", "meaning"),
            [
                ("0", "all went well"),
                ("1", "something failed and was named on standard error; the rest was done"),
                ("2", "wrong usage or a wrong setting; nothing was done"),
                ("130, 143", "interrupted, terminated"),
            ],
        )
    )
    return "\n\n".join(parts) + "\n"


def subcommands(group: click.Group, before: str = "") -> Iterable[tuple[str, click.Command]]:
    for name, sub in group.commands.items():
        if isinstance(sub, click.Group):
            yield from subcommands(sub, f"{before}{name} ")
        else:
            yield before + name, sub


def prose(text: str | None) -> str:
    """Help as Markdown: what click leaves as it is becomes a code block."""
    paragraphs = []
    for paragraph in inspect.cleandoc(text or "").split("\n\n"):
        code = paragraph.removeprefix("\b\n")
        paragraphs.append(paragraph if code == paragraph else f"```\n{textwrap.dedent(code)}\n```")
    return "\n\n".join(paragraphs)


def options(of: click.Command) -> Iterable[tuple[str, ...]]:
    for parameter in of.params:
        if isinstance(parameter, click.Option):
            context = click.Context(of)
            names, meaning = parameter.get_help_record(context) or ("", "")
            yield f"`{names}`", meaning.replace("  [", " [")


def errors(app: Application) -> str:
    def rows() -> Iterable[tuple[str, ...]]:
        _, *classes = all_errors()
        for error in classes:
            statuses = tuple(str(dialect.errors(error()).status) for dialect in app.dialects)
            meaning = inspect.cleandoc(error.__doc__ or "").splitlines()[0]
            yield f"`{error.code}`", "yes" if error.retryable else "", meaning, *statuses

    names = tuple(f"`{dialect.name}`" for dialect in app.dialects)
    return f"""# Errors

{NOTE}
Every error of the server, and the HTTP status with which each API says it. The body is always in that vendor's own
form. An error outside all APIs is `{{"error": {{"code": …, "message": …}}}}`.

{table(("code", "try again", "meaning", *names), rows())}
"""


def decisions() -> str:
    def rows() -> Iterable[tuple[str, ...]]:
        for note in sorted((DOCS / "decisions").glob("[0-9]*.md")):
            number, title = note.name[:4], note.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")
            yield number, f"[{title.removeprefix(number).strip()}]({note.name})"

    return f"""# Decisions

{NOTE}
One page each: question, what was measured, choice, what would change our mind.

{table(("number", "decision"), rows())}
"""


def pages() -> dict[str, str]:
    """Path below docs → text of every generated page."""
    defaults = Settings()
    app = build_app(defaults, build_recognition(defaults))
    return {
        "reference/settings.md": settings(),
        "reference/cli.md": command_line(),
        "reference/errors.md": errors(app),
        "decisions/index.md": decisions(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
