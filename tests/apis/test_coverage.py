"""The coverage pages: current, and complete for routes and fields."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import ModuleType

import pytest

from dragoman.apis.amazon_transcribe import translate as amazon_transcribe
from dragoman.apis.openai import translate as openai
from dragoman.apis.phonexia_4 import translate as phonexia_4
from dragoman.apis.phonexia_v1 import translate as phonexia_v1
from dragoman.apis.speechmatics_v1 import translate as speechmatics_v1
from dragoman.apis.telecomx import translate as telecomx
from dragoman.server.settings import Settings
from dragoman.transport.base import Dialect
from scripted import ScriptedPool, application

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).parents[2]
TRANSLATIONS = {
    "telecomx": telecomx,
    "phonexia_v1": phonexia_v1,
    "openai": openai,
    "amazon_transcribe": amazon_transcribe,
    "phonexia_4": phonexia_4,
    "speechmatics_v1": speechmatics_v1,
}
DIALECTS = {dialect.name: dialect for dialect in application(Settings(), ScriptedPool()).dialects}

each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def test_the_pages_are_current() -> None:
    pages: dict[Path, str] = runpy.run_path(str(REPOSITORY / "tools" / "coverage_pages.py"))["pages"]()
    stale = [path.name for path, text in pages.items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run python tools/coverage_pages.py"


@each_dialect
def test_every_route_is_covered(dialect: Dialect) -> None:
    operations = [option.operation for option in dialect.coverage.options]
    for route in dialect.routes:
        for method in (route.methods or set()) - {"HEAD"}:
            assert any(route.path in operation and method in operation for operation in operations)


@each_dialect
def test_every_field_is_covered(dialect: Dialect) -> None:
    translate: ModuleType = TRANSLATIONS[dialect.name]
    covered = {
        name.removesuffix("[]")
        for option in dialect.coverage.options
        for name in option.option.replace(",", " ").split()
    }
    assert {field.removesuffix("[]") for field in translate.FIELDS} <= covered


@each_dialect
def test_what_does_not_simply_work_says_why(dialect: Dialect) -> None:
    assert all(option.note or option.treatment == "supported" for option in dialect.coverage.options)
