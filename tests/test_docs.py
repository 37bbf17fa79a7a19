"""The documentation is true: complete, current, and its links lead somewhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from urllib.parse import unquote

import pytest

from dragoman.core.errors import all_errors
from dragoman.formats import FORMATS
from dragoman.server.app import build_app
from dragoman.server.cli.main import command
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import Settings

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *REPOSITORY.glob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")


def read(path: str) -> str:
    return (REPOSITORY / path).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Of the headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return runpy.run_path(str(DOCS / "generate.py"))["pages"]()  # type: ignore[no-any-return]


def test_generated_pages_are_current(generated: dict[str, str]) -> None:
    stale = [name for name, text in generated.items() if text != read(f"docs/{name}")]
    assert not stale, "run make docs"


def test_every_setting_is_documented() -> None:
    page = read("docs/reference/settings.md")
    assert all(f"| `{name}` |" in page for name in Settings.__struct_fields__)


def test_every_option_is_documented() -> None:
    page = read("docs/reference/cli.md")
    for name, sub in command.commands.items():
        section = page.split(f"## dragoman {name}")[1].split("\n## ")[0]
        for parameter in sub.params:
            assert parameter.param_type_name == "argument" or parameter.opts[0] in section


def test_every_error_is_documented() -> None:
    page = read("docs/reference/errors.md")
    assert all(f"| `{error.code}` |" in page for error in all_errors())


def test_every_route_is_documented_and_no_other() -> None:
    settings = Settings()
    app = build_app(settings, build_recognition(settings))
    served = {
        f"{method} {route.path}"
        for dialect in app.dialects
        for route in dialect.routes
        for method in (route.methods or set()) - {"HEAD"}
    } | {"GET /healthz", "GET /readyz"}
    documented = re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", read("docs/reference/routes.md"), flags=re.MULTILINE)
    assert set(documented) == served
    assert len(documented) == len(served)


def test_every_format_is_documented() -> None:
    page = read("docs/howto/transcribe-files.md")
    assert all(f"`{name}`" in page for name in FORMATS)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPOSITORY)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        found = page if not path else (page.parent / path).resolve()
        assert found.exists(), target
        assert found.is_relative_to(REPOSITORY), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [REPOSITORY / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        targets = (target.partition("#")[0] for target in LINK.findall(page.read_text(encoding="utf-8")))
        waiting += [(page.parent / target).resolve() for target in targets if target and ":" not in target]
    assert set(PAGES) - reached == set()


def test_commands_in_the_documentation_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        used = re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE)
        assert set(used) <= targets, page
        said = re.findall(r"(?:^|`|\| )dragoman ([a-z]+)", text, flags=re.MULTILINE)
        assert set(said) <= set(command.commands), page


def test_every_command_of_the_makefile_has_a_line_of_help() -> None:
    makefile = read("Makefile")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    helped = re.findall(r"^([a-z-]+):.*## \S", makefile, flags=re.MULTILINE)
    assert phony.split() == helped


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in (DOCS / "decisions").glob("[0-9]*.md")]
    assert len(set(numbers)) == len(numbers)


def test_every_package_that_users_get_has_its_licence_named() -> None:
    locked = set(re.findall(r"^([\w.-]+)==", read("requirements.lock"), flags=re.MULTILINE))
    named = re.findall(
        r"^\| ([\w.-]+) \| [^|]*\w[^|]* \| [^|]*\w[^|]* \|$", read("docs/reference/licences.md"), re.MULTILINE
    )
    assert set(named) - {"package"} == locked


def test_no_number_in_the_readme_without_its_result_file() -> None:
    for line in read("README.md").splitlines():
        if re.search(r"\d+(\.\d+)? ?(%|×|x real time|WER)", line):
            assert "benchmarks/" in line
