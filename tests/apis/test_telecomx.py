"""Telecomx: laws of its words, and its login."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.apis.telecomx import translate
from dragoman.core.errors import NoSpeech
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.core.transcript import Transcript
from dragoman.server.settings import Profile, Settings
from dragoman.transport.form import Form
from scripted import ScriptedPool, application, client
from strategies import transcripts

pytestmark = pytest.mark.unit

SECRET = "a-long-enough-secret-of-alice"
ENGINES = {"FREE": "default", "ELEVEN": "accurate"}
FILE = {"file": ("speech.wav", b"audio")}


@given(transcripts(max_channels=1))
def test_words_come_in_order_and_spacings_fill_the_time_between_those_that_have_a_space(transcript: Transcript) -> None:
    if not transcript.text:
        with pytest.raises(NoSpeech):
            translate.transcription(transcript, RecognitionRequest())
        return
    said = msgspec.to_builtins(translate.transcription(transcript, RecognitionRequest()))
    items = said.get("words", [])
    words = [item for item in items if item["type"] == "word"]
    assert [(word["text"], round(1000 * word["start"])) for word in words] == [
        (part.text, part.start_ms) for segment in transcript.segments for part in (segment.words or (segment,))
    ]
    assert "".join(item["text"] for item in items) == said["text"]
    for before, after in pairwise(items):
        assert {before["type"], after["type"]} <= {"word", "spacing"}
        if "spacing" in (before["type"], after["type"]):
            assert before["end"] == after["start"]


@given(st.sampled_from(["word", "character", "none", None]), st.sampled_from(["FREE", "ELEVEN", None]))
def test_every_engine_honours_every_granularity(granularity: str | None, engine: str | None) -> None:
    given_fields = {"timestamps_granularity": granularity, "engine": engine}
    form = Form({name: (value,) for name, value in given_fields.items() if value})
    asked = translate.request(form, ENGINES)
    details = {"character": TimeDetail.CHARACTER, "none": TimeDetail.SEGMENT}
    assert asked.time_detail is details.get(granularity or "word", TimeDetail.WORD)
    assert asked.profile == ENGINES[engine or "FREE"]


@pytest.fixture
async def connected(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that has a key."""
    keys = tmp_path / "keys"
    keys.write_text(f"alice {SECRET}\n")
    keys.chmod(0o600)
    async with client(application(Settings(spool_dir=tmp_path, keys_file=keys), ScriptedPool())) as connected:
        yield connected


CREDENTIALS = {"username": "alice", "password": SECRET}


async def test_login_takes_its_fields_from_query_form_or_json(connected: httpx.AsyncClient) -> None:
    replies = [
        await connected.get("/auth/login", params=CREDENTIALS),
        await connected.post("/auth/login", params=CREDENTIALS),
        await connected.post("/auth/login", data=CREDENTIALS),
        await connected.post("/auth/login", json=CREDENTIALS),
        await connected.post("/auth/login", files={name: (None, value) for name, value in CREDENTIALS.items()}),
    ]
    for reply in replies:
        said = reply.json()
        assert reply.status_code == 200
        assert said["expiresInMinutes"] == 15
        assert len(said["employee"]) == len(said["customer"]) == 24
        assert "set-cookie" not in reply.headers
        heard = await connected.post("/voice/stt", params={"token": said["token"]}, files=FILE)
        assert heard.status_code == 200


async def test_a_persistent_login_says_so(connected: httpx.AsyncClient) -> None:
    reply = await connected.post("/auth/login", json={**CREDENTIALS, "persist": True})
    assert reply.json()["expiresInMinutes"] == -1


async def test_the_cookie_of_a_login_opens_the_door(connected: httpx.AsyncClient) -> None:
    reply = await connected.post("/auth/login", data={**CREDENTIALS, "cookie": "true"})
    assert "HttpOnly" in reply.headers["set-cookie"]
    assert (await connected.post("/voice/stt", files=FILE)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"username": "alice"},
        {"password": SECRET},
        {**CREDENTIALS, "username": "bob"},
        {**CREDENTIALS, "password": "x"},
    ],
)
async def test_a_wrong_login_is_denied(connected: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    reply = await connected.post("/auth/login", data=wrong)
    assert (reply.status_code, reply.json()["message"]) == (403, "access_denied")


async def test_login_bodies_that_cannot_be_read_are_refused(connected: httpx.AsyncClient) -> None:
    for body in (b"{", b"[]", b'{"username": {"a": 1}}', b"\xff"):
        reply = await connected.post("/auth/login", content=body, headers={"content-type": "application/json"})
        assert reply.status_code == 422
    too_much = await connected.post("/auth/login", data={**CREDENTIALS, "more": "x" * (2 << 20)})
    assert too_much.status_code == 404


@pytest.mark.parametrize(
    "shown",
    [
        {"headers": {"authorization": f"Bearer {SECRET}"}},
        {"headers": {"x-api-key": SECRET}},
        {"params": {"token": SECRET}},
        {"headers": {"cookie": f"token={SECRET}"}},
    ],
)
async def test_a_key_itself_opens_the_door(connected: httpx.AsyncClient, shown: dict[str, dict[str, str]]) -> None:
    assert (await connected.post("/voice/stt", files=FILE, **shown)).status_code == 200  # type: ignore[arg-type]


@pytest.mark.parametrize("shown", [{}, {"token": "wrong"}, {"token": ""}])
async def test_without_a_key_nothing_is_taken(connected: httpx.AsyncClient, shown: dict[str, str]) -> None:
    reply = await connected.post("/voice/stt", params=shown, files=FILE)
    assert (reply.status_code, reply.json()["message"]) == (403, "access_denied")


async def test_a_token_can_be_validated(connected: httpx.AsyncClient) -> None:
    login = (await connected.post("/auth/login", json=CREDENTIALS)).json()
    good = await connected.get("/auth/validateToken", params={"token": login["token"]})
    assert good.json()["success"] is True
    assert good.json()["employee"] == login["employee"]
    simple = await connected.get("/auth/validateToken", params={"token": login["token"], "simple": "true"})
    assert (simple.status_code, simple.content) == (200, b"")
    assert (await connected.get("/auth/validateToken", params={"token": "x", "simple": "1"})).status_code == 403


async def test_the_quota_of_an_engine_counts_by_key_and_not_for_the_other_engine(tmp_path: Path) -> None:
    profiles = {"default": Profile(), "accurate": Profile(quota_minutes=0.25)}
    settings = Settings(spool_dir=tmp_path, profiles=profiles)
    async with client(application(settings, ScriptedPool())) as connected:  # ten seconds a file
        engines = ["ELEVEN", "ELEVEN", "FREE"]
        replies = [await connected.post("/voice/stt", data={"engine": engine}, files=FILE) for engine in engines]
    assert [reply.status_code for reply in replies] == [200, 403, 200]
    assert replies[1].json()["message"] == "quota_exceeded"
