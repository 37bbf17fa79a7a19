"""Phonexia Speech Platform 4: laws of tasks and their results, and of what a query may ask."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman.apis.phonexia_4 import errors, translate
from dragoman.core.errors import InvalidRequest, MissingField, UnsupportedLanguage, all_errors
from dragoman.core.jobs import Job, JobState, Remark
from dragoman.core.request import ChannelMode, RecognitionRequest
from dragoman.core.transcript import Transcript
from dragoman.transport.form import Form
from scripted import TRANSCRIPT
from strategies import transcripts

pytestmark = pytest.mark.unit

JOB = Job(
    number=1,
    token=str(uuid4()),
    dialect="phonexia_4",
    owner="alice",
    name="call.wav",
    request=RecognitionRequest(),
    options=b"[]",
    state=JobState.QUEUED,
    priority=0,
    created_ms=0,
    media="call",
    media_bytes=1,
    keep_media=False,
)
ENDED_BADLY = [state for state in JobState if state.is_final and state is not JobState.DONE]
REMARKS = [Remark(kind.code, "what was wrong") for kind in all_errors()]


def said(job: Job, transcript: Transcript | None = None) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(translate.polled(job, transcript)))
    return body


@pytest.mark.parametrize("state", JobState)
def test_a_task_has_a_result_or_an_error_once_it_has_ended_and_neither_before(state: JobState) -> None:
    body = said(replace(JOB, state=state), TRANSCRIPT if state is JobState.DONE else None)
    told = {"result"} if state is JobState.DONE else {"error"} if state.is_final else set()
    assert set(body) == {"task"} | told
    assert body["task"]["task_id"] == JOB.token
    assert body["task"]["state"] in {"pending", "running", "rejected", "failed", "done"}


@given(st.sampled_from(ENDED_BADLY), st.sampled_from(REMARKS) | st.builds(Remark, st.text(), st.text()))
def test_whatever_a_task_ended_with_is_said_in_the_form_of_errors(state: JobState, remark: Remark) -> None:
    error = said(replace(JOB, state=state, remark=remark))["error"]
    assert set(error) == {"type", "message", "detail"}
    assert all(set(detail) == {"location", "message", "type", "context"} for detail in error["detail"])
    assert remark.message in error["message"] or [detail["message"] for detail in error["detail"]] == [remark.message]


@given(transcripts())
def test_the_result_is_the_transcript_in_seconds(transcript: Transcript) -> None:
    options = b'[{"spelling":"x","pronunciations":[]}]'
    result = said(replace(JOB, state=JobState.DONE, options=options), transcript)["result"]
    assert result["additional_words"] == msgspec.json.decode(options)
    assert len(result["one_best"]["segments"]) == len(transcript.segments)
    for segment, heard in zip(result["one_best"]["segments"], transcript.segments, strict=True):
        assert (segment["channel_number"], segment["text"]) == (heard.channel, heard.text)
        times = [(segment["start_time"], segment["end_time"])]
        times += [(word["start_time"], word["end_time"]) for word in segment["words"]]
        assert [(round(1000 * start), round(1000 * end)) for start, end in times] == [
            (heard.start_ms, heard.end_ms),
            *((word.start_ms, word.end_ms) for word in heard.words),
        ]
        if heard.words:
            assert " ".join(word["text"] for word in segment["words"]) == segment["text"]


def asked(**parameters: str) -> RecognitionRequest:
    return translate.request(
        Form({name: (value,) for name, value in ({"language": "en"} | parameters).items()}), "default"
    )


regions = st.sampled_from(["", "-GB", "-us", "-419", "-XK"])
private = st.lists(st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True), max_size=3)


@given(st.sampled_from(["en", "EN", "eng"]), regions, private)
def test_region_and_private_use_fall_back_to_the_language(language: str, region: str, uses: list[str]) -> None:
    tag = language + region + "".join(f"-{use}" for use in ["x", *uses] if uses)
    assert asked(language=tag).language == "en"


@pytest.mark.parametrize(
    "tag",
    ["en_GB", "en-", "en-Latn-GB", "en-GB-x", "x-calls", "i-klingon", "en GB", "e", "english", "en-GB-US", "ｅｎ"],
)
def test_other_tags_are_no_tags_of_the_document(tag: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(language=tag)
    assert caught.value.field == "language"


def test_a_language_is_needed_and_must_be_one() -> None:
    with pytest.raises(MissingField):
        asked(language="")
    with pytest.raises(UnsupportedLanguage):
        asked(language="qq")


@given(st.lists(st.integers(0, 9_999), max_size=8), st.sampled_from(ChannelMode))
def test_channels_are_the_numbers_between_the_commas(numbers: list[int], mode: ChannelMode) -> None:
    channels = asked(channels=",".join(map(str, numbers)), channel_mode=mode).channels
    assert channels.only == tuple(dict.fromkeys(numbers))
    assert channels.mode is mode


@given(st.text(alphabet="0123456789,- x²٣", min_size=1))
def test_any_other_channels_are_refused(text: str) -> None:
    parts = text.split(",")
    if all(re.fullmatch(r"[0-9]{1,4}", part) for part in parts):
        assert asked(channels=text).channels.only
    else:
        with pytest.raises(InvalidRequest):
            asked(channels=text)


@given(
    st.dictionaries(st.sampled_from([*errors.PARAMETERS, "x"]), st.lists(st.text(max_size=5), max_size=2).map(tuple))
)
def test_any_query_is_understood_or_refused(query: dict[str, tuple[str, ...]]) -> None:
    with suppress(InvalidRequest, errors.Invalid):
        translate.request(Form(query), "default")


@given(st.text(max_size=300) | st.text(alphabet="az09 ~", min_size=250, max_size=260))
@example("")
@example("a" * 10_240)
@example("a\x7fb")
def test_an_id_of_the_client_is_taken_as_it_is_or_refused_with_its_place(given_id: str) -> None:
    fit = len(given_id) <= 256 and all(" " <= character <= "~" for character in given_id)
    if fit:
        assert translate.client_id("x-correlation-id", given_id) == (given_id or None)
    else:
        with pytest.raises(errors.Invalid) as caught:
            translate.client_id("x-correlation-id", given_id)
        assert [detail.location for detail in caught.value.details] == [("header", "x-correlation-id")]


@given(st.uuids())
def test_a_task_is_named_by_a_uuid_in_any_case(uuid: object) -> None:
    assert translate.task_id(str(uuid).upper()) == str(uuid)


@pytest.mark.parametrize("text", ["", "1", "{" + str(uuid4()) + "}", uuid4().hex, str(uuid4()) + "0", "../../etc"])
def test_what_is_no_uuid_is_no_task(text: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        translate.task_id(text)
    assert [detail.location for detail in caught.value.details] == [("path", "task_id")]
