"""Writes ``docs/coverage/<dialect>.md`` from what each dialect says of itself: ``python tools/coverage_pages.py``."""

from __future__ import annotations

from pathlib import Path

from dragoman.server.app import build_app
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import Settings
from dragoman.transport.base import Dialect

FOLDER = Path(__file__).parents[1] / "docs" / "coverage"


def page(dialect: Dialect) -> str:
    coverage = dialect.coverage
    lines = [
        f"# Coverage: {coverage.title}",
        "",
        "<!-- Written by tools/coverage_pages.py. -->",
        "",
        f"Measured against: {coverage.source}.",
        "",
        "| operation | option | treatment | |",
        "| --- | --- | --- | --- |",
        *(f"| `{row.operation}` | {row.option} | {row.treatment} | {row.note} |" for row in coverage.options),
        "",
        *(f"- {note}" for note in coverage.notes),
        "",
        "The status of every error is on the page [Errors](../reference/errors.md).",
    ]
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """File → text of every page."""
    settings = Settings()
    app = build_app(settings, build_recognition(settings))
    return {FOLDER / f"{dialect.name}.md": page(dialect) for dialect in app.dialects}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
