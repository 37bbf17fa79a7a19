"""A server process for tests that need a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

SECRET = "a-secret-that-is-long-enough"
SERVE = "import sys; from dragoman.server.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server that decodes for real and recognises by script; one for a whole module, whatever it sends.

    The client shows a key. At the end the server must still be ready.
    """
    folder = tmp_path_factory.mktemp("server")
    keys = folder / "keys"
    keys.write_text(f"alice {SECRET}\n")
    keys.chmod(0o600)
    command = [sys.executable, "-c", SERVE, "serve", "--port", "0", "--engine", "fake", "--keys-file", str(keys)]
    environment = {
        **os.environ,
        "DRAGOMAN_SPOOL_DIR": str(folder),
        "DRAGOMAN_STATE_DIR": str(folder),
        "DRAGOMAN_RATE_LIMIT": "none",
    }
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            printed = []
            for line in process.stdout:
                printed.append(line)
                if line.startswith("Ready"):
                    break
            url = next(word.rstrip(".") for word in " ".join(printed).split() if word.startswith("http://"))
            with httpx.Client(base_url=url, headers={"x-api-key": SECRET}, timeout=60) as client:
                yield client
                assert client.get("/readyz").status_code == 200
        finally:
            process.terminate()
