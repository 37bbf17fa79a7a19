"""Speechmatics: laws of its forms and of its operations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match

from dragoman.apis.speechmatics_v1 import translate, vocabulary
from dragoman.apis.speechmatics_v1.errors import NOT_IMPLEMENTED
from dragoman.apis.speechmatics_v1.routes import Operations
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import InvalidField, InvalidRequest, UnsupportedOption
from dragoman.core.jobs import JobState
from dragoman.core.request import ChannelMode, ChannelSelection, SpeakerMode, SpeakerRequest, TimeDetail
from dragoman.server.settings import Settings
from dragoman.service.vocabulary import CheckedPhrase, CheckedVocabulary
from dragoman.transport.form import Form
from scripted import ScriptedPool, application, client

pytestmark = pytest.mark.unit

POINTS = {"standard": "default"}

JOBS = "/v1/user/1/jobs/"
FILE = {"data_file": ("speech.wav", b"audio")}
NOTHING = Capabilities(model="m", version="1", languages=("en",), phrases=False)
SECRETS = {"alice": "a-long-enough-secret-of-alice", "bob": "a-long-enough-secret-of-bob"}


def form(**fields: str) -> Form:
    return Form({name: (value,) for name, value in fields.items()})


def config(**of_transcription: Any) -> Form:
    written = {"type": "transcription", "transcription_config": {"language": "en", **of_transcription}}
    return form(config=json.dumps(written))


@asynccontextmanager
async def serving(
    tmp_path: Path, pool: ScriptedPool | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Any number of requests may ask whether a job has ended."""
    given = {"spool_dir": tmp_path, "state_dir": tmp_path, "rate_limit": "none", **settings}
    app = application(Settings(**given), pool or ScriptedPool())
    async with client(app) as connected:
        yield connected


async def ended(connected: httpx.AsyncClient, path: str = f"{JOBS}1", **more: Any) -> Any:
    async with asyncio.timeout(20):
        while (job := (await connected.get(path, **more)).json()["job"])["job_status"] == "transcribing":
            pass
    return job


async def test_submitting_needs_nothing_but_a_recording_and_a_language(tmp_path: Path) -> None:
    pool = ScriptedPool()
    async with serving(tmp_path, pool) as connected:
        reply = await connected.post(JOBS, data={"model": "en"}, files=FILE)
        assert reply.status_code == 200
        assert set(reply.json()) == {"id", "check_wait", "balance", "cost"}
        await ended(connected)
    (asked,) = pool.requests
    assert (asked.language, asked.time_detail) == ("en", TimeDetail.WORD)
    assert asked.channels == ChannelSelection(ChannelMode.MIX)
    assert pool.media == [b"audio"]


async def test_every_address_is_there_in_every_writing(tmp_path: Path) -> None:
    async with serving(tmp_path) as connected:
        for prefix in ("/v1", "/v1.0"):
            for slash in ("", "/"):
                submitted = await connected.post(f"{prefix}/user/9/jobs{slash}", data={"model": "en"}, files=FILE)
                job = f"{prefix}/user/9/jobs/{submitted.json()['id']}"
                assert (await ended(connected, job + slash))["url"] == f"{job}/audio"
                for part in ("transcript", "alignment", "audio"):
                    assert (await connected.get(f"{job}/{part}{slash}")).status_code == 200
                assert (await connected.delete(job + slash)).status_code == 200
                assert (await connected.get(f"{prefix}/user/9/jobs{slash}")).json() == {"jobs": []}


def test_nothing_but_the_two_versions_is_taken_for_one_of_them() -> None:
    routes = Operations(None, {}, private_callbacks=False).routes()  # type: ignore[arg-type]

    def found(path: str) -> bool:
        scope = {"type": "http", "method": "GET", "path": path}
        return any(route.matches(scope)[0] is Match.FULL for route in routes)

    assert all(map(found, ("/v1/user/1/jobs", "/v1.0/user/1/jobs/")))
    assert not any(map(found, ("/v1.00/user/1/jobs", "/v1x0/user/1/jobs", "/v2/user/1/jobs", "/v1/user/1/jobs//")))


@pytest.mark.parametrize(
    ("labels", "selection"),
    [
        (None, ChannelSelection(ChannelMode.SPLIT)),
        ([], ChannelSelection(ChannelMode.SPLIT)),
        (["Agent", "Caller"], ChannelSelection(ChannelMode.SPLIT, count=2)),
    ],
)
def test_there_must_be_as_many_channels_as_labels(labels: list[str] | None, selection: ChannelSelection) -> None:
    asked = translate.asked(config(diarization="channel", channel_diarization_labels=labels), 1, POINTS)
    assert asked.request.channels == selection


@pytest.mark.parametrize(
    ("asked", "mode", "speakers"),
    [
        (config(diarization="none"), ChannelMode.MIX, None),
        (config(diarization="channel"), ChannelMode.SPLIT, None),
        (config(diarization="speaker"), ChannelMode.MIX, SpeakerRequest()),
        (form(model="en", diarization="true"), ChannelMode.MIX, SpeakerRequest()),
        (form(model="en", diarisation="false"), ChannelMode.MIX, None),
        (config(diarization="speaker_change"), ChannelMode.MIX, SpeakerRequest(SpeakerMode.CHANGES, None, 0.4)),
        (
            config(diarization="speaker_change", speaker_change_sensitivity=0),
            ChannelMode.MIX,
            SpeakerRequest(SpeakerMode.CHANGES, None, 0),
        ),
        (
            config(diarization="channel_and_speaker_change", speaker_change_sensitivity=0.8),
            ChannelMode.SPLIT,
            SpeakerRequest(SpeakerMode.CHANGES, None, 0.8),
        ),
    ],
)
def test_kinds_of_diarization_are_told_apart(asked: Form, mode: ChannelMode, speakers: SpeakerRequest | None) -> None:
    request = translate.asked(asked, 1, POINTS).request
    assert (request.channels.mode, request.speakers) == (mode, speakers)


def test_the_operating_point_names_a_profile() -> None:
    points = {"standard": "default", "enhanced": "accurate"}
    profiles = [translate.asked(config(operating_point=point), 1, points).request.profile for point in points]
    assert profiles == ["default", "accurate"]
    assert translate.asked(config(), 1, points).request.profile == "default"


def test_null_is_what_is_not_there() -> None:
    given_nulls = config(
        output_locale=None, diarization=None, channel_diarization_labels=None, additional_vocab=None,
        punctuation_overrides=None, speaker_change_sensitivity=None,
    )  # fmt: skip
    assert translate.asked(given_nulls, 1, POINTS).request == translate.asked(config(), 1, POINTS).request


@pytest.mark.parametrize(
    "refused",
    [
        form(config="[]"),
        form(config="nonsense"),
        form(config="[" * 100_000),
        form(config='{"transcription_config": {"language": "en"}}'),
        form(config='{"type": "alignment", "transcription_config": {"language": "en"}}'),
        form(model="en", diarization="yes"),
        form(model="en", diarization="true", diarisation="false"),
        form(model="en", notification="sms"),
        form(model="en", notification="callback", callback="http://e.com", callback_format="srt"),
        form(model="en", notification="none", callback="http://e.com"),
        form(model="en", callback_format="txt"),
        form(model="en", meta="x" * 10_001),
        form(model="en", config='{"type": "transcription"}'),
        Form({"model": ("en", "en")}),
        config(colour="red"),
        config(diarization="everyone"),
        config(diarization="channel", channel_diarization_labels=["Agent", "Caller 2"]),
        config(diarization="channel", channel_diarization_labels=[""]),
        config(channel_diarization_labels=["Agent"]),
        config(speaker_change_sensitivity=0.4),
        config(diarization="speaker_change", speaker_change_sensitivity=-0.1),
        config(output_locale="en-NZ"),
        config(language="fr", output_locale="en-GB"),
        config(additional_vocab="speechmatics"),
        config(additional_vocab=[" "]),
        config(additional_vocab=[{"sounds_like": ["x"]}]),
        config(additional_vocab=[{"content": "FA", "sounds_like": [""]}]),
        config(additional_vocab=[{"content": "FA", "sounds_like": ["eff\tay"]}]),
        config(additional_vocab=[{"content": "FA", "spelt": "x"}]),
        config(punctuation_overrides={"permitted_marks": ["..."]}),
        config(punctuation_overrides={"permitted_marks": [""]}),
        config(punctuation_overrides={"sensitivity": 2}),
    ],
    ids=lambda refused: str(dict(refused.fields))[:60],
)
def test_what_is_wrong_or_contradicts_itself_is_refused(refused: Form) -> None:
    with pytest.raises(InvalidField):
        translate.asked(refused, 1, POINTS)


@given(st.sampled_from(NOT_IMPLEMENTED))
def test_what_is_not_implemented_is_named(name: str) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        translate.asked(form(model="en", **{name: "x"}), 1, POINTS)
    assert caught.value.field == name


@given(st.text())
def test_whatever_the_config_is_it_is_read_or_refused(text: str) -> None:
    try:
        asked = translate.asked(form(config=text), 1, POINTS)
    except InvalidRequest:
        return
    assert asked.options.lang


def test_the_dictionary_of_the_document_is_preferred_and_sounds_like_it_says() -> None:
    document = [
        {"content": "Ciarán", "sounds_like": ["Kieran"]},
        {"content": "FA", "sounds_like": ["effeh"]},
        "speechmatics",
    ]
    drafted = translate.asked(config(additional_vocab=document), 1, POINTS).vocabulary
    assert [phrase.text for phrase in drafted.phrases] == ["Ciarán", "FA", "speechmatics"]
    assert [(word.spelling, word.sounds_like) for word in drafted.words] == [
        ("Ciarán", ("Kieran",)),
        ("FA", ("effeh",)),
    ]
    without = vocabulary.draft_for(NOTHING, drafted)
    assert without.phrases == ()
    assert [word.spelling for word in without.words] == ["Ciarán", "FA", "speechmatics"]


def test_a_thousand_words_are_taken() -> None:
    words = [f"word{number}" for number in range(1_000)]
    assert len(translate.asked(config(additional_vocab=words), 1, POINTS).vocabulary.phrases) == 1_000
    with pytest.raises(InvalidField):
        translate.asked(config(additional_vocab=[*words, "one more"]), 1, POINTS)


def test_of_many_warnings_the_first_are_told_and_the_others_counted() -> None:
    checked = CheckedVocabulary(tuple(CheckedPhrase(str(number), None, warning="no") for number in range(100)))
    told = vocabulary.warnings(checked)
    assert told[0] == "additional_vocab '0': no"
    assert "80 more" in told[-1]


@given(st.text(max_size=400))
def test_names_of_files_are_names(sent: str) -> None:
    name = translate.file_name(sent)
    assert 0 < len(name) <= 255
    assert name.isprintable()
    assert not set(name) & set("/\\")


@pytest.mark.parametrize(
    ("name", "transcript"), [("x.mp3", "x.json"), ("a.b.wav", "a.b.json"), ("speech", "speech.json")]
)
def test_the_transcript_is_called_as_the_recording(name: str, transcript: str) -> None:
    assert translate.transcript_name(name, "json") == transcript


@pytest.mark.parametrize("state", JobState)
def test_the_vendors_client_stops_asking_when_a_job_has_ended(state: JobState) -> None:
    ends = {"done", "expired", "unsupported_file_format", "could_not_align"}
    assert (translate.STATUSES[state] in ends) is state.is_final


async def test_a_job_is_there_for_its_key_alone(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("".join(f"{name} {secret}\n" for name, secret in SECRETS.items()))
    keys.chmod(0o600)
    async with serving(tmp_path, keys_file=keys) as connected:
        alice, bob = ({"params": {"auth_token": secret}} for secret in SECRETS.values())
        assert (await connected.post(JOBS, data={"model": "en"}, files=FILE, **alice)).status_code == 200
        await ended(connected, **alice)
        for path in (f"{JOBS}1", f"{JOBS}1/transcript", f"{JOBS}1/audio", f"{JOBS}1/alignment"):
            assert (await connected.get(path, **alice)).status_code == 200
            assert (await connected.get(path, **bob)).status_code == 404
            assert (await connected.get(path)).status_code == 401
        assert (await connected.delete(f"{JOBS}1", **bob)).status_code == 404
        assert (await connected.get(JOBS, **bob)).json() == {"jobs": []}
        wrong = await connected.get(JOBS, params={"auth_token": "wrong"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "Invalid User Id or Token")


async def test_the_recording_comes_back_as_it_was_sent(tmp_path: Path) -> None:
    sent = bytes(range(256)) * 4_000
    async with serving(tmp_path) as connected:
        for number, (name, kind) in enumerate(
            [("a.mp3", "audio/mpeg"), ("a.mp4", "video/mp4"), ("a.html", "application/octet-stream")], start=1
        ):
            await connected.post(JOBS, data={"model": "en"}, files={"data_file": (name, sent)})
            reply = await connected.get(f"{JOBS}{number}/audio")
            assert reply.content == sent
            assert reply.headers["content-type"] == kind
            assert reply.headers["content-disposition"].startswith("attachment")


async def test_a_full_store_takes_no_more(tmp_path: Path) -> None:
    async with serving(tmp_path, max_jobs_storage_mb=1) as connected:
        reply = await connected.post(JOBS, data={"model": "en"}, files={"data_file": ("a.wav", bytes(2 << 20))})
        assert (reply.status_code, reply.json()["error"]) == (507, "Insufficient Storage")
        assert int(reply.headers["retry-after"]) > 0
        assert (await connected.get(JOBS)).json() == {"jobs": []}


async def test_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with serving(tmp_path, rate_limit="2/60") as connected:
        replies = [await connected.get(JOBS) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].json()["error"] == "Too Many requests"
    assert 0 < int(replies[2].headers["retry-after"]) <= 60


async def test_an_upload_that_is_cut_short_leaves_nothing(tmp_path: Path) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="data_file"; filename="a.wav"\r\n\r\naudio'
    async with serving(tmp_path) as connected:
        reply = await connected.post(JOBS, content=body, headers={"content-type": "multipart/form-data; boundary=x"})
        assert (reply.status_code, reply.json()["error"]) == (400, "Malformed request")
        assert (await connected.get(JOBS)).json() == {"jobs": []}
        assert [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"audio"] == []


async def test_what_was_left_out_of_the_dictionary_is_told(tmp_path: Path) -> None:
    pool = ScriptedPool()
    written = {"language": "en", "additional_vocab": ["speechmatics", "яблоко"]}
    async with serving(tmp_path, pool) as connected:
        sent = json.dumps({"type": "transcription", "transcription_config": written})
        await connected.post(JOBS, data={"config": sent}, files=FILE)
        job = await ended(connected)
        transcript = (await connected.get(f"{JOBS}1/transcript?format=json-v2")).json()
    assert [phrase.text for phrase in pool.requests[0].vocabulary.phrases] == ["speechmatics"]
    (warning,) = job["warnings"]
    assert "яблоко" in warning
    assert transcript["metadata"]["transcription_config"] == written


def test_what_is_remembered_of_a_job_can_be_read_again() -> None:
    written = '{"type": "transcription", "transcription_config": { "language":\n"en-AU" }}'
    asked = translate.asked(form(config=written, meta="x"), 7, POINTS)
    again = msgspec.json.decode(msgspec.json.encode(asked.options), type=translate.Options)
    assert (again.user_id, again.lang, again.meta, again.locale) == (7, "en-AU", "x", "en-AU")
    assert again.transcription_config.language == "en-AU"
