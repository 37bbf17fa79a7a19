"""The real command as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAIN = "import sys; from dragoman.server.cli.main import main; sys.exit(main())"
TIMEOUT_S = 60


class Dragoman:
    """Runs ``dragoman`` with two workers of an engine, uploads in a folder of its own, and a known environment."""

    def __init__(self, folder: Path, engine: str = "fake", script: Mapping[str, Any] | None = None) -> None:
        self.spool = folder / "spool"
        self.spool.mkdir()
        self.mark = uuid.uuid4().hex
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DRAGOMAN_")},
            "DRAGOMAN_PROFILES": json.dumps({"default": {"engine": engine}, "accurate": {"engine": engine}}),
            "DRAGOMAN_SPOOL_DIR": str(self.spool),
            "DRAGOMAN_WORKERS": "2",
            "DRAGOMAN_TEST_MARK": self.mark,
        }
        if script is not None:
            path = folder / "script.json"
            path.write_text(json.dumps(script))
            self.environment["DRAGOMAN_FAKE_SCRIPT"] = str(path)

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """In a process group of its own, as a shell starts it. ``env`` adds to the environment."""
        environment = {**self.environment, **options.pop("env", {})}
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *map(str, arguments)], env=environment, start_new_session=True, **options
        )

    def __call__(
        self, *arguments: str | Path, given: bytes | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end. ``given`` comes on standard input."""
        if given is not None:
            options["stdin"] = subprocess.PIPE
        with self.start(*arguments, **options) as process:
            out, err = process.communicate(given, timeout=TIMEOUT_S)
        return subprocess.CompletedProcess(
            process.args, process.returncode, (out or b"").decode(), (err or b"").decode()
        )

    def survivors(self) -> list[str]:
        """Processes of this command that still live."""
        living = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self.mark.encode() in environ.read_bytes():
                    living.append(environ.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                pass  # it ended while we looked, or is another user's
        return living
