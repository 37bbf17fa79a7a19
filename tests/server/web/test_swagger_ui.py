"""Swagger UI in a real browser, under the policy that the server gives it."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, serving

pytestmark = pytest.mark.browser

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def browser() -> str:
    return next(filter(None, map(shutil.which, PROGRAMS)), None) or pytest.fail(f"this needs one of {PROGRAMS}")


async def shown(url: str, profile: Path) -> tuple[str, list[str]]:
    """The page as it is once its scripts have run, and what the browser reported of it."""
    showing = await asyncio.create_subprocess_exec(
        browser(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--virtual-time-budget=20000",
        f"--user-data-dir={profile}",
        "--dump-dom",
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    page, reported = await asyncio.wait_for(showing.communicate(), 120)
    return page.decode(), [line for line in reported.decode().splitlines() if ":CONSOLE" in line]


async def test_every_document_is_shown_and_nothing_is_refused_to_the_page(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, state_dir=tmp_path)
    app = application(settings, ScriptedPool())
    async with serving(app, settings) as base_url:
        for dialect in app.dialects:
            if dialect.openapi is not None:
                page, reported = await shown(f"{base_url}/docs?api={dialect.name}", tmp_path / "profile")
                assert set(re.findall(r'data-path="([^"]+)"', page)) == set(dialect.openapi()["paths"]), dialect.name
                assert not reported
        page, reported = await shown(f"{base_url}/v1", tmp_path / "profile")
        assert 'data-path="/v1/user/{user}/jobs"' in page
        assert not reported


async def test_the_browser_reports_what_the_policy_refuses(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<meta http-equiv="content-security-policy" content="default-src \'none\'"><script>document.title = 1</script>'
    )
    _, reported = await shown(page.as_uri(), tmp_path / "profile")
    assert reported
