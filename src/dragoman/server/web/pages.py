"""The text of the pages. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from dragoman import __version__
from dragoman.transport.base import Dialect


def swagger_ui(dialects: Iterable[Dialect], chosen: str) -> str:
    """Swagger UI over one of the dialects, and a chooser for the others."""

    def option(dialect: Dialect) -> str:
        selected = " selected" if dialect.name == chosen else ""
        return f'<option value="{dialect.name}"{selected}>{escape(dialect.coverage.title)}</option>'

    options = "".join(map(option, dialects))
    return _page(
        "APIs",
        f"""<header><a href="/help">Dragoman</a> <label>API <select id="api">{options}</select></label>
<a id="document" href="/openapi/{chosen}.json">OpenAPI</a></header>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui/swagger-ui-bundle.js"></script>
<script src="/docs/assets/docs.js"></script>""",
        '<link rel="stylesheet" href="/docs/assets/swagger-ui/swagger-ui.css">',
    )


def help_page(dialects: Iterable[Dialect]) -> str:
    """Where everything is."""

    def row(dialect: Dialect) -> str:
        coverage = f'<a href="/help/{dialect.name}">every option</a>'
        if dialect.openapi is None:
            return f"<tr><th>{escape(dialect.coverage.title)}</th><td>{coverage}</td><td></td><td></td></tr>"
        return (
            f"<tr><th>{escape(dialect.coverage.title)}</th><td>{coverage}</td>"
            f'<td><a href="/docs?api={dialect.name}">try it</a></td>'
            f'<td><a href="/openapi/{dialect.name}.json">OpenAPI</a></td></tr>'
        )

    return _page(
        "Help",
        f"""<header><a href="/help">Dragoman</a> {escape(__version__)}</header>
<main>
<h1>A speech-to-text server that speaks several vendors’ APIs</h1>
<table>
{"".join(map(row, dialects))}
</table>
<p>The server itself: <a href="/healthz">does it answer</a>, <a href="/readyz">is speech recognised right now</a>.</p>
</main>""",
    )


def coverage(dialect: Dialect) -> str:
    """What becomes of every option of a dialect."""
    rows = "".join(
        f"<tr><td><code>{escape(row.operation)}</code></td><td>{_inline(row.option)}</td>"
        f"<td>{row.treatment}</td><td>{_inline(row.note)}</td></tr>"
        for row in dialect.coverage.options
    )
    notes = "".join(f"<li>{_inline(each)}</li>" for each in dialect.coverage.notes)
    tried = f'<p><a href="/docs?api={dialect.name}">Try it in Swagger UI</a></p>' if dialect.openapi else ""
    return _page(
        dialect.coverage.title,
        f"""<header><a href="/help">Dragoman</a></header>
<main>
<h1>{escape(dialect.coverage.title)}</h1>
{tried}
<p>Measured against: {_inline(dialect.coverage.source)}.</p>
<ul>{notes}</ul>
<table>
<tr><th>operation</th><th>option</th><th>treatment</th><th></th></tr>
{rows}
</table>
</main>""",
    )


def _inline(text: str) -> str:
    """Markdown's code, the only markup of coverage pages."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _page(title: str, body: str, head: str = "") -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} – Dragoman</title>
<link rel="icon" href="data:,">
{head}
<link rel="stylesheet" href="/docs/assets/pages.css">
</head>
<body>
{body}
</body>
</html>
"""
