"""Phonexia Speech To Text for AWS, version 1."""

from __future__ import annotations

from dragoman.apis.phonexia_v1 import openapi
from dragoman.apis.phonexia_v1.coverage import COVERAGE
from dragoman.apis.phonexia_v1.errors import say
from dragoman.apis.phonexia_v1.routes import Operations
from dragoman.transport.base import Dialect, Example, Services


def dialect(services: Services, *, model: str | None, silence_s: float, results_kept_s: float) -> Dialect:
    operations = Operations(services, model, silence_s=silence_s, results_kept_s=results_kept_s)
    return Dialect(
        name="phonexia_v1",
        prefixes=("/api/v1",),
        routes=operations.routes(),
        errors=say,
        coverage=COVERAGE,
        example=_example,
        sockets=operations.sockets(),
        aclose=operations.aclose,
        openapi=openapi.document,
    )


def _example(parts: Example) -> str:
    return f"curl {parts.key_option}{parts.file_option} {parts.base_url}/api/v1/stt/file"
