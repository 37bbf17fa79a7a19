"""OpenAI audio transcriptions."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.apis.openai import openapi
from dragoman.apis.openai.coverage import COVERAGE
from dragoman.apis.openai.errors import say
from dragoman.apis.openai.routes import Operations
from dragoman.transport.base import Dialect, Example, Services


def dialect(services: Services, *, models: Mapping[str, str]) -> Dialect:
    """``models``: names of models → our profiles."""
    return Dialect(
        name="openai",
        prefixes=("/v1",),
        routes=Operations(services, models).routes(),
        errors=say,
        coverage=COVERAGE,
        example=lambda parts: _example(parts, next(iter(models))),
        openapi=lambda: openapi.document(models),
    )


def _example(parts: Example, model: str) -> str:
    return f"curl {parts.key_option}{parts.file_option} -F model={model} {parts.base_url}/v1/audio/transcriptions"
