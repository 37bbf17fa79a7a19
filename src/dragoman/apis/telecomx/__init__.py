"""Telecomx voice STT."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.apis.telecomx import openapi
from dragoman.apis.telecomx.coverage import COVERAGE
from dragoman.apis.telecomx.errors import say
from dragoman.apis.telecomx.routes import Operations
from dragoman.transport.base import Dialect, Example, Services


def dialect(services: Services, *, engines: Mapping[str, str]) -> Dialect:
    """``engines``: their names of engines → our profiles."""
    return Dialect(
        name="telecomx",
        prefixes=("/voice", "/auth"),
        routes=Operations(services, engines).routes(),
        errors=say,
        coverage=COVERAGE,
        example=_example,
        openapi=lambda: openapi.document(engines),
    )


def _example(parts: Example) -> str:
    return f"curl {parts.key_option}{parts.file_option} -F language=en {parts.base_url}/voice/stt"
