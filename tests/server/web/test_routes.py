"""Laws of the pages of the server."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dragoman.server.settings import Settings
from dragoman.server.web import pages
from dragoman.server.web.routes import SPEECHMATICS, SPEECHMATICS_ROOTS
from dragoman.transport.base import Coverage, Covered
from scripted import ScriptedPool, application, client

pytestmark = pytest.mark.unit

DIALECTS = application(Settings(), ScriptedPool()).dialects
PAGES = [
    "/docs",
    "/help",
    "/help/",
    *(f"/help/{dialect.name}" for dialect in DIALECTS),
    *(SPEECHMATICS_ROOTS if SPEECHMATICS in [dialect.name for dialect in DIALECTS] else ()),
]
DOCUMENTS = [f"/openapi/{dialect.name}.json" for dialect in DIALECTS if dialect.openapi]
ASSETS = Path(pages.__file__).parent / "static"


def with_keys(folder: Path) -> Settings:
    keys = folder / "keys"
    keys.write_text("alice a-secret-that-is-long-enough\n")
    keys.chmod(0o600)
    return Settings(spool_dir=folder, state_dir=folder, keys_file=keys)


async def test_pages_and_documents_need_no_key(tmp_path: Path) -> None:
    async with client(application(with_keys(tmp_path), ScriptedPool())) as connected:
        assert (await connected.get("/v1/models")).status_code == 401
        for path in (*PAGES, *DOCUMENTS):
            assert (await connected.get(path)).status_code == 200, path


async def test_a_page_loads_only_what_this_server_has(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, state_dir=tmp_path)
    async with client(application(settings, ScriptedPool())) as connected:
        for path in PAGES:
            reply = await connected.get(path)
            assert reply.headers["content-type"] == "text/html; charset=utf-8"
            for target in re.findall(r'(?:src|href)="([^"]+)"', reply.text):
                assert target == "data:," or (await connected.get(target)).status_code == 200, target
            policy = dict(rule.split(" ", 1) for rule in reply.headers["content-security-policy"].split("; "))
            assert policy.pop("img-src") == "'self' data:"
            assert set(policy.values()) == {"'self'", "'none'"}
            assert policy["default-src"] == "'none'"
            assert "<script>" not in reply.text
            assert "style=" not in reply.text


async def test_the_files_of_a_page_and_no_others_are_served(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, state_dir=tmp_path)
    async with client(application(settings, ScriptedPool())) as connected:
        for file in ASSETS.rglob("*.*"):
            reply = await connected.get(f"/docs/assets/{file.relative_to(ASSETS).as_posix()}")
            assert reply.content == file.read_bytes()
            again = await connected.get(reply.request.url, headers={"If-None-Match": reply.headers["etag"]})
            assert again.status_code == 304
        for elsewhere in ("../routes.py", "%2e%2e/routes.py", "swagger-ui/../../pages.py", "", "swagger-ui"):
            assert (await connected.get(f"/docs/assets/{elsewhere}")).status_code == 404
        assert (await connected.get("/openapi/nothing.json")).status_code == 404


def test_the_chooser_offers_every_document() -> None:
    documented = [dialect for dialect in DIALECTS if dialect.openapi]
    page = pages.swagger_ui(documented, documented[-1].name)
    assert re.findall(r'<option value="(\w+)"', page) == [dialect.name for dialect in documented]
    assert re.findall(r'<option value="(\w+)" selected', page) == [documented[-1].name]


def test_text_of_a_coverage_page_is_text() -> None:
    (dialect, *_) = DIALECTS
    rows = (Covered("GET /<a>", "<b>", "refused", "`<c>` & more"),)
    page = pages.coverage(replace(dialect, coverage=Coverage("<t>", "<s>", ("<n>",), rows)))
    assert not re.search(r"<(t|s|n|b|c)>", page)
    assert "<code>&lt;c&gt;</code> &amp; more" in page
