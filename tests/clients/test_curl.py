"""curl as the vendors' documents use it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from dragoman.server.settings import Settings
from scripted import TRANSCRIPT, ScriptedPool, application, serving

pytestmark = pytest.mark.client

if shutil.which("curl") is None:
    pytest.skip("needs curl", allow_module_level=True)

SECRET = "a-secret-that-is-long-enough"


async def curl(*arguments: str) -> tuple[int, Any]:
    """Status and body."""
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    body, _, status = output.decode().rpartition("\n")
    return int(status), json.loads(body)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "test.wav"
    path.write_bytes(bytes(range(256)) * 10_000)
    return path


@pytest.mark.parametrize("kind", ["audio/wav", "audio/ogg"])
async def test_phonexias_own_command(tmp_path: Path, recording: Path, kind: str) -> None:
    """It names the content type without a boundary; curl adds one."""
    settings, pool = Settings(spool_dir=tmp_path), ScriptedPool()
    async with serving(application(settings, pool), settings) as url:
        status, said = await curl(
            *("-X", "POST", f"{url}/api/v1/stt/file", "-H", "Content-Type: multipart/form-data"),
            *("-F", f"file=@{recording};type={kind}"),
        )
    assert status == 200
    assert said["result"]["file"] == "/test.wav"
    assert said["result"]["transcription"] == [{"channel_id": 0, "text": TRANSCRIPT.text}]
    assert pool.media == [bytes(range(256)) * 10_000]


async def test_phonexias_commands_with_preferred_phrases(tmp_path: Path, recording: Path) -> None:
    """The same file goes with a recording and to the check of its dictionary."""
    phrases = tmp_path / "pref_phr.json"
    dictionary = [{"word": "jummy", "pronunciations": [{"phonemes": "dZ V m i:"}]}]
    sent = {"phrases": [{"phrase": "disentu"}], "dictionary": dictionary}
    phrases.write_text(json.dumps({"preferred_phrases": sent}))
    settings, pool = Settings(spool_dir=tmp_path), ScriptedPool()
    async with serving(application(settings, pool), settings) as url:
        status, said = await curl(
            *("-X", "POST", f"{url}/api/v1/stt/file", "-H", "Content-Type: multipart/form-data"),
            *("-F", f"file=@{recording};type=audio/wav", "-F", f"preferred_phrases=@{phrases};type=application/json"),
        )
        assert status == 200
        status, checked = await curl(
            *("-X", "POST", f"{url}/api/v1/stt/checkdictionary", "-H", "Content-Type: application/json"),
            *("--data-binary", f"@{phrases}"),
        )
    assert status == 200
    assert said["result"]["phrases"] == [{"phrase": "disentu"}]
    assert said["result"]["dictionary"] == checked["result"]["dictionary"]
    assert [word.spelling for word in pool.requests[-1].vocabulary.words] == ["jummy"]


async def test_the_command_of_the_documentation(tmp_path: Path, recording: Path) -> None:
    """Preferred phrases as text, over several lines."""
    page = (Path(__file__).parents[2] / "docs/howto/vocabulary.md").read_text(encoding="utf-8")
    (field,) = re.findall(r"-F '(preferred_phrases=.*?)'", page, flags=re.DOTALL)
    settings, pool = Settings(spool_dir=tmp_path), ScriptedPool()
    async with serving(application(settings, pool), settings) as url:
        status, said = await curl(f"{url}/api/v1/stt/file", "-F", f"file=@{recording}", "-F", field)
    assert status == 200
    assert pool.requests[-1].vocabulary.phrases
    assert said["result"]["dictionary"][0]["word"] == "disentu"


async def test_the_command_of_the_documentation_of_tasks(tmp_path: Path, recording: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/howto/phonexia-4.md").read_text(encoding="utf-8")
    (field,) = re.findall(r"-F '(config=.*?)'", page, flags=re.DOTALL)
    settings, pool = Settings(spool_dir=tmp_path, state_dir=tmp_path, rate_limit="none"), ScriptedPool()
    async with serving(application(settings, pool), settings) as url:
        tasks = f"{url}/api/technology/speech-to-text"
        status, said = await curl(f"{tasks}?language=en", "-F", f"file=@{recording}", "-F", field)
        assert status == 202
        while said["task"]["state"] in ("pending", "running"):
            status, said = await curl(f"{tasks}/{said['task']['task_id']}")
    assert status == 200
    assert " ".join(segment["text"] for segment in said["result"]["one_best"]["segments"]) == TRANSCRIPT.text
    assert said["result"]["additional_words"][0]["spelling"] == "disentu"
    assert pool.requests[-1].vocabulary.phrases


async def test_telecomx_by_login_token_and_cookie(tmp_path: Path, recording: Path) -> None:
    keys, jar = tmp_path / "keys", tmp_path / "jar"
    keys.write_text(f"alice {SECRET}\n")
    keys.chmod(0o600)
    settings = Settings(spool_dir=tmp_path, keys_file=keys)
    async with serving(application(settings, ScriptedPool()), settings) as url:
        login = ("-c", str(jar), "-d", "username=alice", "-d", f"password={SECRET}", "-d", "cookie=true")
        status, said = await curl(*login, f"{url}/auth/login")
        assert status == 200
        upload = ("-F", f"file=@{recording}")
        assert (await curl(*upload, f"{url}/voice/stt?token={said['token']}"))[0] == 200
        assert (await curl(*upload, "-b", str(jar), f"{url}/voice/stt"))[0] == 200
        assert (await curl(*upload, f"{url}/voice/stt"))[0] == 403


async def test_too_large_an_upload_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(20 << 20))
    settings = Settings(spool_dir=tmp_path, max_upload_mb=1)
    async with serving(application(settings, ScriptedPool()), settings) as url:
        paths = {
            "/voice/stt": 404,
            "/api/v1/stt/file": 422,
            "/v1/audio/transcriptions": 413,
            "/api/technology/speech-to-text?language=en": 413,
        }
        for path, status in paths.items():
            assert (await curl("-F", f"file=@{large}", f"{url}{path}"))[0] == status
            in_chunks = ("-H", "Transfer-Encoding: chunked", "-H", "Expect:")
            assert (await curl("-F", f"file=@{large}", *in_chunks, f"{url}{path}"))[0] == status
