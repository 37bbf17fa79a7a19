"""OpenAI: laws of the terms of a prompt, and of keywords."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.apis.openai.prompt import LONGEST_PROMPT, MOST_TERMS, terms
from dragoman.core.request import Phrase
from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, client

pytestmark = pytest.mark.unit

PATH = "/v1/audio/transcriptions"
FILE = ("file", ("speech.wav", b"audio"))
COMMON = st.sampled_from(
    [
        "the",
        "and",
        "of",
        "we",
        "think",
        "about",
        "time",
        "with",
        "people",
        "good",
        "house",
        "they",
        "said",
        "it",
        "because",
    ]
)
MADE_UP = st.text("bcdfglmnprstvz", min_size=2, max_size=5).map(lambda letters: "xu".join(letters) + "q")


@given(st.lists(st.lists(MADE_UP, min_size=1, max_size=4).map(" ".join), max_size=20), st.sampled_from([", ", "\n"]))
def test_every_entry_of_a_list_is_a_term(entries: list[str], separator: str) -> None:
    assert terms(separator.join(entries)) == tuple(dict.fromkeys(entries))


@given(st.lists(COMMON, min_size=5, max_size=15), MADE_UP, st.integers(1, 14))
def test_of_text_the_uncommon_word_is_the_term(words: list[str], odd: str, place: int) -> None:
    text = " ".join((*words[:place], odd, *words[place:])).capitalize() + "."
    assert terms(text) == (odd,)
    assert terms(" ".join(words).capitalize() + ".") == ()


@given(st.lists(COMMON, min_size=2, max_size=6), st.lists(MADE_UP.map(str.capitalize), min_size=1, max_size=3))
def test_capitals_that_stand_together_are_one_term(words: list[str], name: list[str]) -> None:
    text = " ".join((*words, *name, *words)).replace(words[0], words[0].capitalize(), 1) + "."
    assert terms(text) == (" ".join(name),)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("The following is a talk with Anna Karenina.", ("Anna Karenina",)),
        ("New York is big.", ("New York", "York")),
        ("Hello, welcome to the show.", ()),
        ("I'm sure that I said so, and he did.", ()),
        ("We compared GPT-4 and the iPhone with kubernetes.", ("GPT-4", "iPhone", "kubernetes")),
        ("Glossary: Aimee, Shawn\nBBQ", ("Glossary", "Aimee", "Shawn", "BBQ")),
        ("It costs $5 at $first_name's.", ("first_name's",)),
        ("", ()),
    ],
)
def test_prompts_as_people_write_them(prompt: str, expected: tuple[str, ...]) -> None:
    assert terms(prompt) == expected


@given(st.text())
def test_terms_are_bounded_and_distinct(prompt: str) -> None:
    found = terms(prompt * 20)
    assert len(found) <= MOST_TERMS
    assert len(set(found)) == len(found)
    assert all(term.strip() == term != "" for term in found)


def test_of_a_long_prompt_the_end_counts() -> None:
    found = terms("Xuqbert, " + "and so on, " * (LONGEST_PROMPT // 11 + 1) + "Zuqbert")
    assert found[-1] == "Zuqbert"
    assert "Xuqbert" not in found
    assert len(terms(", ".join(f"xuq{number}" for number in range(MOST_TERMS + 1)))) == MOST_TERMS


async def ask(tmp_path: Path, pool: ScriptedPool, *fields: tuple[str, str], **settings: int) -> httpx.Response:
    app = application(Settings(spool_dir=tmp_path, **settings), pool)  # type: ignore[arg-type]
    parts = [(name, (None, value)) for name, value in (("model", "whisper-1"), *fields)]
    async with client(app) as connected:
        return await connected.post(PATH, files=[FILE, *parts])


@pytest.mark.parametrize("streamed", ["true", "false"])
async def test_prompt_and_keywords_reach_the_recogniser(tmp_path: Path, streamed: str) -> None:
    pool = ScriptedPool()
    fields = [("prompt", "Tulip, Disentu"), ("keywords[]", "blue tulip"), ("keywords[]", "Xuqbert")]
    assert (await ask(tmp_path, pool, *fields, ("stream", streamed))).status_code == 200
    preferred = ("blue tulip", "Xuqbert", "Tulip", "Disentu")
    assert pool.requests[-1].vocabulary.phrases == tuple(map(Phrase, preferred))


@pytest.mark.parametrize(
    "prompt", ["\U0001f600", "שלום, Привет", "$nick_name", "x" * 20_000, "a\u0000b", "word, " * 5_000, "...", "{"]
)
async def test_a_prompt_is_never_an_error(tmp_path: Path, prompt: str) -> None:
    assert (await ask(tmp_path, ScriptedPool(), ("prompt", prompt))).status_code == 200
    small = {"max_phrases": 1, "max_vocabulary_characters": 3}
    assert (await ask(tmp_path, ScriptedPool(), ("prompt", prompt), **small)).status_code == 200


@pytest.mark.parametrize("streamed", ["true", "false"])
@pytest.mark.parametrize("keyword", ["\U0001f600", "Привет", "x" * 1_000])
async def test_a_keyword_that_cannot_be_used_is_the_clients_error(tmp_path: Path, keyword: str, streamed: str) -> None:
    pool = ScriptedPool()
    reply = await ask(tmp_path, pool, ("keywords[]", "fine"), ("keywords[]", keyword), ("stream", streamed))
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "keywords[]"
    assert "keywords[1]" in reply.json()["error"]["message"]
    assert pool.requests == []


async def test_where_nothing_is_preferred_a_prompt_is_ignored_and_keywords_are_refused(tmp_path: Path) -> None:
    pool = ScriptedPool()
    pool.phrases = False
    assert (await ask(tmp_path, pool, ("prompt", "Tulip"))).status_code == 200
    assert not pool.requests[-1].vocabulary
    reply = await ask(tmp_path, pool, ("keywords", "tulip"))
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "keywords[]"
