"""``dragoman serve`` in a process of its own, with a key and a certificate, as clients of Amazon Transcribe need it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sigv4_client import Client

KEY = Client("AKIDALICE", "a-secret-that-is-long-enough")
STRANGERS = (
    (replace(KEY, secret="another-secret-that-is-long-enough"), "InvalidSignatureException"),
    (replace(KEY, access_key="AKIDMALLORY"), "UnrecognizedClientException"),
)
"""Who does not know the secret, and what the service calls that."""
_SERVE = "import sys; from dragoman.server.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class Served:
    url: str
    authority: str

    @property
    def host(self) -> str:
        return self.url.removeprefix("https://")


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Served]:
    """A server with a key that makes its own certificate."""
    keys = folder / "keys"
    keys.write_text(f"{KEY.access_key} {KEY.secret}\n")
    keys.chmod(0o600)
    command = [sys.executable, "-c", _SERVE, "serve", "--port", "0", "--tls-port", "0", "--tls", "auto"]
    command += ["--keys-file", str(keys), *options]
    environment = {**os.environ, "DRAGOMAN_SPOOL_DIR": str(folder), "DRAGOMAN_STATE_DIR": str(folder)}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        try:
            assert process.stdout is not None
            printed = ""
            for line in process.stdout:
                printed += line
                if line.startswith("Ready"):
                    break
            found = re.search(r"SSL_CERT_FILE=(\S+)[^$]*https://localhost:(\d+)/", printed)
            assert found is not None, printed
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SSL_CERT_FILE", found[1])  # as the server prints it
                yield Served(f"https://localhost:{found[2]}", found[1])
        finally:
            process.terminate()


def check_two_cities(results: Sequence[Mapping[str, Any]]) -> None:
    """A client heard how ``two_cities`` begins: there were partial results, and of each segment the last is final."""
    assert any(result["IsPartial"] for result in results)
    last = {result["ResultId"]: result for result in results}
    finals = [result for result in results if not result["IsPartial"]]
    assert finals == list(last.values())
    text = " ".join(result["Alternatives"][0]["Transcript"] for result in finals)
    assert {"best", "worst", "times"} <= set(re.findall(r"\w+", text.lower()))
