"""Bad vocabularies over a real socket: the vendor's own error or warning, never a 500, and others do not wait.

The recogniser is the scripted engine: nothing here depends on what it hears.
"""

from __future__ import annotations

import io
import json
import math
import statistics
import struct
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, product
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.model

FILE, CHECK = "/api/v1/stt/file", "/api/v1/stt/checkdictionary"


def tone() -> bytes:
    """A second of it."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(n / 9))) for n in range(16_000)))
    return written.getvalue()


def transcribe(server: httpx.Client, preferred: object) -> httpx.Response:
    body = preferred if isinstance(preferred, str) else json.dumps(preferred)
    files = {"file": ("a.wav", tone()), "preferred_phrases": (None, body, "application/json")}
    return server.post(FILE, files=files)


def made_up(count: int) -> list[str]:
    """Words that no lexicon has: the dearest to check."""
    return ["".join(parts) for parts in islice(product(("bo", "zu", "ki", "xa", "vre", "plo"), repeat=5), count)]


def phrases(*texts: object) -> dict[str, Any]:
    return {"preferred_phrases": {"phrases": [{"phrase": text} for text in texts]}}


def words(*entries: object) -> dict[str, Any]:
    return {"preferred_phrases": {"dictionary": list(entries)}}


REFUSED: dict[str, object] = {
    "10,000 phrases": phrases(*(f"phrase {number}" for number in range(10_000))),
    "a phrase of 10 KB": phrases("blue tulip " * 930),
    "a class that does not exist": phrases("call $nick_name"),
    "an empty phrase": phrases(""),
    "an emoji": phrases("\U0001f600"),
    "right-to-left text": phrases("שלום עולם"),
    "a phrase that is a number": phrases(5),
    "a phrase that is null": phrases(None),
    "10,000 words": words(*({"word": f"word{number}"} for number in range(10_000))),
    "a word of 10 KB": words({"word": "x" * 10_000}),
    "a pronunciation of 10 KB": words({"word": "x", "pronunciations": [{"phonemes": "p " * 5_000}]}),
    "1,000 pronunciations": words({"word": "x", "pronunciations": [{"phonemes": "p r I"}] * 1_000}),
    "a word without its spelling": words({"pronunciations": []}),
    "a pronunciation that is a string": words({"word": "x", "pronunciations": ["p r I"]}),
    "an array": [],
    "a string": '"phrases"',
    "null": "null",
    "not JSON": "{'phrases': []}",
    "cut JSON": '{"phrases": [',
    "deeper than any": "[" * 100_000,
    "an empty object": {},
    "an unknown key": {"preferred_phrases": {"phrase": []}},
    "another wrapper": {"vocabulary": {"phrases": []}},
    "half a surrogate": '{"phrases": [{"phrase": "\\ud800"}]}',
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_as_a_whole_is_the_vendors_error(server: httpx.Client, name: str) -> None:
    reply = transcribe(server, REFUSED[name])
    assert reply.status_code == 422, reply.text
    result = reply.json()["result"]
    assert (result["version"], result["name"]) == (1, "CloudErrorResult")
    assert 10 < len(result["message"]) < 500


WARNED: dict[str, dict[str, Any]] = {
    "an empty word": {"word": ""},
    "a blank word": {"word": " \t"},
    "an emoji": {"word": "\U0001f600"},
    "right-to-left text": {"word": "שלום"},
    "another alphabet": {"word": "Привет"},
    "a control character": {"word": "a\u0000b\u202e"},
    "separators alone": {"word": "+++"},
    "a phoneme that does not exist": {"word": "disentu", "pronunciations": [{"phonemes": "d i z Q"}]},
    "phonemes of another notation": {"word": "disentu", "pronunciations": [{"phonemes": "dɪˈsɛntu"}]},
    "an empty pronunciation": {"word": "disentu", "pronunciations": [{"phonemes": ""}]},
    "a short pronunciation": {"word": "disentu", "pronunciations": [{"phonemes": "d I"}]},
}


@pytest.mark.parametrize("name", WARNED)
def test_a_bad_word_has_its_warning_and_the_rest_works(server: httpx.Client, name: str) -> None:
    entries = [{"word": "phrase"}, WARNED[name], {"word": "jummy", "pronunciations": [{"phonemes": "dZ V m i:"}]}]
    reply = transcribe(server, words(*entries))
    assert reply.status_code == 200, reply.text
    dictionary = reply.json()["result"]["dictionary"]
    assert [word["word"] for word in dictionary] == [entry["word"] for entry in entries]
    warnings = [any(said["warning_message"] for said in word["pronunciations"]) for word in dictionary]
    assert warnings == [False, True, False]
    checked = server.post(CHECK, json={"dictionary": entries})
    assert checked.json()["result"]["dictionary"] == dictionary


def test_a_word_that_comes_twice_has_all_its_pronunciations(server: httpx.Client) -> None:
    said = ["d I s E n t u:", "d I z E n t u:"]
    reply = transcribe(server, words(*({"word": "disentu", "pronunciations": [{"phonemes": each}]} for each in said)))
    (word,) = reply.json()["result"]["dictionary"]
    assert [pronunciation["phonemes"] for pronunciation in word["pronunciations"]] == said


def test_phrases_reach_the_recogniser_in_its_process(server: httpx.Client) -> None:
    reply = transcribe(server, phrases("blue tulip"))
    (channel,) = reply.json()["result"]["transcription"]
    assert channel["text"] == "blue tulip"


@contextmanager
def heartbeat(server: httpx.Client) -> Iterator[list[float]]:
    """Seconds that /healthz took, again and again while the block ran."""
    seconds: list[float] = []
    stop = threading.Event()

    def beat() -> None:
        with httpx.Client(base_url=server.base_url) as another:
            while not stop.is_set():
                begun = time.perf_counter()
                another.get("/healthz").raise_for_status()
                seconds.append(time.perf_counter() - begun)
                stop.wait(0.01)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield seconds
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("name", ["200 unknown words", "2,000 phrases", "10,000 phrases", "deeper than any"])
def test_the_server_answers_others_while_it_checks_a_large_vocabulary(server: httpx.Client, name: str) -> None:
    bodies: dict[str, object] = {
        "200 unknown words": words(*({"word": word} for word in made_up(200))),
        "2,000 phrases": phrases(*(f"blue tulip {word} $surname" for word in made_up(2_000))),
        **REFUSED,
    }
    with heartbeat(server) as seconds:
        while len(seconds) < 20:
            reply = transcribe(server, bodies[name])
            assert reply.status_code == (422 if name in REFUSED else 200), reply.text
    assert statistics.median(seconds) < 0.1
    assert max(seconds) < 1.0
