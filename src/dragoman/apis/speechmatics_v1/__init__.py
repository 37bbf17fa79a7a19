"""Speechmatics Batch Virtual Appliance, version 1 of its Speech API."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.apis.speechmatics_v1 import callback, openapi
from dragoman.apis.speechmatics_v1.coverage import COVERAGE
from dragoman.apis.speechmatics_v1.errors import say
from dragoman.apis.speechmatics_v1.routes import NAME, Operations
from dragoman.transport.base import Dialect, Example, Services


def dialect(services: Services, *, points: Mapping[str, str], private_callbacks: bool) -> Dialect:
    """``points``: operating points → our profiles. ``private_callbacks``: they may go to private addresses."""
    return Dialect(
        name=NAME,
        prefixes=("/v1/user", "/v1.0/user"),
        routes=Operations(services, points, private_callbacks=private_callbacks).routes(),
        errors=say,
        coverage=COVERAGE,
        example=_example,
        callback=callback.message,
        openapi=openapi.document,
    )


def _example(parts: Example) -> str:
    """Hands a recording in, and asks for the transcript until it is there."""
    jobs = f"{parts.base_url}/v1/user/1/jobs/"
    recording = parts.file_option.replace("file=", "data_file=", 1)
    return (
        f"curl {parts.key_option}{recording} -F model=en {jobs} | sed -n 's/.*\"id\":\\([0-9]*\\).*/\\1/p' | "
        f"(read id && curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors "
        f"{parts.key_option}{jobs}$id/transcript)"
    )
