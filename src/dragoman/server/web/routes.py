"""The pages of the server: the OpenAPI documents, Swagger UI over them, and help.

None of it is secret, so no page needs a key; what Swagger UI calls does. A page loads nothing from elsewhere, and its
policy lets it load nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Send

from dragoman.server.web import pages
from dragoman.transport.base import Dialect, Endpoint, Reply

SPEECHMATICS: Final = "speechmatics_v1"
SPEECHMATICS_ROOTS: Final = ("/v1", "/v1/", "/v1.0", "/v1.0/")
"""Where its clients expect its Swagger UI."""
_ASSETS: Final = "/docs/assets"
_FILES: Final = Path(__file__).parent / "static"
_HEADERS: Final = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("cache-control", "no-cache"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)


def web_routes(dialects: tuple[Dialect, ...]) -> tuple[BaseRoute, ...]:
    documented = tuple(dialect for dialect in dialects if dialect.openapi is not None)
    names = [dialect.name for dialect in documented]
    roots = SPEECHMATICS_ROOTS if SPEECHMATICS in names else ()
    return (
        *(_page(f"/openapi/{each.name}.json", _document(each.openapi)) for each in documented if each.openapi),
        _page("/docs", lambda: _html(pages.swagger_ui(documented, names[0]))),
        *(_page(path, lambda: _html(pages.swagger_ui(documented, SPEECHMATICS))) for path in roots),
        *(_page(path, lambda: _html(pages.help_page(dialects))) for path in ("/help", "/help/")),
        *(_page(f"/help/{each.name}", _coverage(each)) for each in dialects),
        Mount(_ASSETS, StaticFiles(directory=_FILES)),
    )


def _page(path: str, make: Callable[[], Reply]) -> Route:
    """Made when it is first asked for."""
    made = cache(make)

    async def show(request: Request, send: Send) -> None:
        await made().send(send)

    return Route(path, Endpoint(show), methods=["GET"])


def _document(make: Callable[[], dict[str, Any]]) -> Callable[[], Reply]:
    return lambda: Reply(200, msgspec.json.encode(make()), headers=_HEADERS)


def _coverage(dialect: Dialect) -> Callable[[], Reply]:
    return lambda: _html(pages.coverage(dialect))


def _html(text: str) -> Reply:
    return Reply(200, text.encode(), "text/html; charset=utf-8", _HEADERS)
