"""Log lines: ``time level logger message key=value …``, readable by people and by machines."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Final

from dragoman.transport.http import REQUEST_ID

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/")


class LineFormatter(logging.Formatter):
    """The facts of a record are its ``facts`` (``extra={"facts": {...}}``) and the id of the request it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{clock}.{int(record.msecs):03}Z {record.levelname.lower()} {record.name} {record.getMessage()}"
        facts: dict[str, object] = dict(getattr(record, "facts", {}))
        if request_id := REQUEST_ID.get():
            facts["request"] = request_id
        line = " ".join([head, *(f"{name}={_value(value)}" for name, value in facts.items())])
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(level: str) -> None:
    """One handler on standard error for everything. Twice is the same as once."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What uvicorn has to say of its own start and stop is said by this server, and of requests by the access log.
    logging.getLogger("uvicorn").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _value(value: object) -> str:
    text = str(value)
    return text if text and _PLAIN.issuperset(text) else json.dumps(text)
