"""Phonexia Speech Platform 4: Speech to Text."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.apis.phonexia_4 import openapi
from dragoman.apis.phonexia_4.coverage import COVERAGE
from dragoman.apis.phonexia_4.errors import say
from dragoman.apis.phonexia_4.routes import NAME, PATH, Operations
from dragoman.transport.base import Dialect, Example, Services


def dialect(services: Services, *, engines: Mapping[str, str]) -> Dialect:
    """``engines``: ``standard`` and ``enhanced`` → our profiles."""
    return Dialect(
        name=NAME,
        prefixes=("/api/technology",),
        routes=Operations(services, engines).routes(),
        errors=say,
        coverage=COVERAGE,
        example=_example,
        openapi=openapi.document,
    )


def _example(parts: Example) -> str:
    """Starts a task and asks for it until it has ended."""
    url = f"{parts.base_url}{PATH}"
    return (
        f"curl -sS {parts.key_option}{parts.file_option} '{url}?language=en' | tee /dev/stderr"
        ' | sed -n \'s/.*"task_id":"\\([^"]*\\)".*/\\1/p\' | (read -r task &&'
        f' until curl -sS {parts.key_option}"{url}/$task" | grep -Ev \'"state":"(pending|running)"\';'
        " do sleep 1; done)"
    )
