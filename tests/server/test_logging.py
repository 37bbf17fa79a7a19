"""Log lines."""

from __future__ import annotations

import json
import logging
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.server.logging import LineFormatter
from dragoman.transport.http import REQUEST_ID

pytestmark = pytest.mark.unit


def line(message: str = "request", **facts: object) -> str:
    record = logging.LogRecord("dragoman.test", logging.INFO, __file__, 1, message, None, None)
    record.__dict__["facts"] = facts
    return LineFormatter().format(record)


@given(st.text())
def test_a_fact_stays_on_its_line_and_can_be_read_back(value: str) -> None:
    written = line(path=value)
    assert len(written.splitlines()) == 1
    raw = written.partition("path=")[2]
    assert (json.loads(raw) if raw.startswith('"') else raw) == value


def test_a_line_has_its_time_level_logger_and_facts() -> None:
    time, level, name, message, *facts = shlex.split(line(status=200, ms=7))
    assert time.endswith("Z")
    assert (level, name, message, facts) == ("info", "dragoman.test", "request", ["status=200", "ms=7"])


def test_what_is_logged_for_a_request_carries_its_id() -> None:
    token = REQUEST_ID.set("req_1")
    try:
        assert line().endswith("request=req_1")
    finally:
        REQUEST_ID.reset(token)
    assert "request=" not in line()
