"""Phonexia: laws of preferred phrases and dictionaries."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman.apis.phonexia_v1 import vocabulary
from dragoman.core.errors import InvalidField
from dragoman.core.request import DictionaryWord, Phrase, Vocabulary
from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, client

pytestmark = pytest.mark.unit

FILE = ("speech.wav", b"audio")
CHECK = "/api/v1/stt/checkdictionary"
PREFERRED: dict[str, Any] = {
    "phrases": [{"phrase": "say Disentu"}, {"phrase": "say Disentu"}],
    "dictionary": [{"word": "Disentu", "pronunciations": [{"phonemes": "d I z E n t u:"}, {"phonemes": "?"}]}],
}
UNDERSTOOD = Vocabulary(
    (Phrase("say Disentu"),), (DictionaryWord("Disentu", (("D", "IH", "Z", "EH", "N", "T", "UW"),)),)
)

jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(("phrases", "dictionary")), inner),
)
parts = {
    "phrases": jsons | st.lists(st.builds(lambda text: {"phrase": text}, st.text() | jsons)),
    "dictionary": jsons
    | st.lists(
        st.fixed_dictionaries(
            {"word": st.text()},
            optional={"pronunciations": jsons | st.lists(st.fixed_dictionaries({"phonemes": st.text() | jsons}))},
        )
    ),
}


@given(st.binary() | jsons.map(lambda body: json.dumps(body).encode()))
@example(b"[" * 100_000)
@example(b'{"phrases":[{"phrase":"\\ud800"}]}')
@example(b'\xef\xbb\xbf{"phrases":[]}')
@example(b'{"phrases":[{"phrase":"a"}],"phrases":[{"phrase":"b"}]}')
@example(b"")
def test_any_body_is_read_or_refused(raw: bytes) -> None:
    with suppress(InvalidField):
        vocabulary.draft(vocabulary.read(raw))


@given(st.fixed_dictionaries({}, optional=parts), st.sampled_from(["{}", '{{"preferred_phrases":{}}}']))
def test_what_has_the_right_form_is_taken_whole(body: dict[str, Any], wrapper: str) -> None:
    try:
        draft = vocabulary.draft(vocabulary.read(wrapper.format(json.dumps(body))))
    except InvalidField:
        return
    assert [phrase.text for phrase in draft.phrases] == [entry["phrase"] for entry in body.get("phrases") or ()]
    assert [entry.spelling for entry in draft.words] == [entry["word"] for entry in body.get("dictionary") or ()]


async def post(tmp_path: Path, pool: ScriptedPool, part: tuple[str | None, str | bytes, str]) -> httpx.Response:
    async with client(application(Settings(spool_dir=tmp_path), pool)) as connected:
        return await connected.post("/api/v1/stt/file", files={"file": FILE, "preferred_phrases": part})


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"preferred_phrases": body}], ids=["bare", "wrapped"])
@pytest.mark.parametrize("filename", [None, "pref_phr.json"])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
async def test_however_it_is_sent_it_reaches_the_recogniser_and_comes_back(
    tmp_path: Path, wrap: Any, filename: str | None, content_type: str
) -> None:
    for body in (wrap(PREFERRED), {"data": wrap(PREFERRED)}):
        pool = ScriptedPool()
        reply = await post(tmp_path, pool, (filename, json.dumps(body), content_type))
        assert reply.status_code == 200, reply.text
        assert pool.requests[-1].vocabulary == UNDERSTOOD
        result = reply.json()["result"]
        assert result["phrases"] == PREFERRED["phrases"]
        (word,) = result["dictionary"]
        assert [said["phonemes"] for said in word["pronunciations"]] == ["d I z E n t u:", "?"]
        assert [bool(said["warning_message"]) for said in word["pronunciations"]] == [False, True]


async def test_without_a_vocabulary_the_result_does_not_speak_of_one(tmp_path: Path) -> None:
    pool = ScriptedPool()
    reply = await post(tmp_path, pool, (None, "", "text/plain"))
    assert not {"phrases", "dictionary"} & set(reply.json()["result"])
    assert pool.requests[-1].vocabulary == Vocabulary()


async def test_a_vocabulary_that_is_refused_takes_no_instance(tmp_path: Path) -> None:
    pool = ScriptedPool()
    reply = await post(tmp_path, pool, (None, '{"phrases":[{"phrase":"$nick_name"}]}', "application/json"))
    assert reply.status_code == 422
    assert pool.requests == []


async def test_what_was_checked_can_be_sent_back_and_stays_the_same(tmp_path: Path) -> None:
    words = ["preferred", "disentu", "new+york", "John", "Zürich", "no"]
    async with client(application(Settings(spool_dir=tmp_path), ScriptedPool())) as connected:
        sent = {"dictionary": [{"word": word} for word in words]}
        once = (await connected.post(CHECK, json=sent)).json()["result"]
        again = (await connected.post(CHECK, json={"dictionary": once["dictionary"]})).json()["result"]
    for before, after in zip(once["dictionary"], again["dictionary"], strict=True):
        if not before["pronunciations"][0]["warning_message"]:
            assert before == after


async def test_phonemes_that_are_listed_are_taken_and_no_others(tmp_path: Path) -> None:
    async with client(application(Settings(spool_dir=tmp_path), ScriptedPool())) as connected:
        listed = (await connected.get("/api/v1/stt/phonemes")).json()["result"]["phonemes"]
        said = [{"phonemes": f"{each} t s"} for each in listed]
        sent = {"dictionary": [{"word": "zzyx", "pronunciations": [each]} for each in said]}
        (word,) = (await connected.post(CHECK, json=sent)).json()["result"]["dictionary"]
        assert [each["phonemes"] for each in word["pronunciations"]] == [each["phonemes"] for each in said]
        assert not any(each["warning_message"] for each in word["pronunciations"])
        for odd in ("a", "tʃ", "AA", "5", "\U0001f600"):
            sent = {"dictionary": [{"word": "zzyx", "pronunciations": [{"phonemes": f"t {odd} s"}]}]}
            (word,) = (await connected.post(CHECK, json=sent)).json()["result"]["dictionary"]
            assert any(odd in said["warning_message"] for said in word["pronunciations"])


async def test_graphemes_that_are_listed_are_what_words_need_no_pronunciation_for(tmp_path: Path) -> None:
    async with client(application(Settings(spool_dir=tmp_path), ScriptedPool())) as connected:
        listed = (await connected.get("/api/v1/stt/graphemes")).json()["result"]["graphemes"]
        letters = [letter for letter in listed if letter.isalpha()]
        sent = {"dictionary": [{"word": f"blo{letter}ka"} for letter in (*letters, "ж", "é")]}
        words = (await connected.post(CHECK, json=sent)).json()["result"]["dictionary"]
    warned = [word["word"] for word in words if any(said["warning_message"] for said in word["pronunciations"])]
    assert warned == ["bloжka", "bloéka"]
