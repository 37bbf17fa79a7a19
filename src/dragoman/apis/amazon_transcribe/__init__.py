"""Amazon Transcribe."""

from __future__ import annotations

from dragoman.apis.amazon_transcribe.coverage import COVERAGE
from dragoman.apis.amazon_transcribe.errors import say
from dragoman.apis.amazon_transcribe.routes import SOCKET, STREAM, Operations
from dragoman.transport.base import Dialect, Example, Services


def dialect(services: Services) -> Dialect:
    operations = Operations(services)
    return Dialect(
        name="amazon_transcribe",
        prefixes=("/transcribe", STREAM, SOCKET),
        routes=operations.routes(),
        sockets=operations.sockets(),
        errors=say,
        coverage=COVERAGE,
        example=_example,
    )


def _example(parts: Example) -> str:
    return (
        f"curl {parts.key_option}-H 'X-Amz-Target: Transcribe.ListVocabularies' "
        f"-H 'Content-Type: application/x-amz-json-1.1' -d '{{}}' {parts.base_url}/"
    )
