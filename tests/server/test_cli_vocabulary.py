"""Laws of phrases and dictionaries on the command line, on the real command with the engine that needs no model."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from command import Dragoman

pytestmark = pytest.mark.unit

JSON = {
    "preferred_phrases": {
        "phrases": [{"phrase": "blue tulip"}],
        "dictionary": [{"word": "disentu", "pronunciations": [{"phonemes": "d I z E n t u:"}]}],
    }
}


@pytest.fixture
def dragoman(tmp_path: Path) -> Dragoman:
    return Dragoman(tmp_path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Callable[[str], Path]) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    with wave.open(str(sample("beckett"))) as whole, wave.open(str(path), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(2 * whole.getframerate()))
    return path


def written(folder: Path, content: str | bytes | object) -> Path:
    path = folder / "words"
    data = content if isinstance(content, str | bytes) else json.dumps(content)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    "content", ["\n# flowers\n  blue tulip \n", "\ufeffblue tulip", JSON, JSON["preferred_phrases"], {"data": JSON}]
)
def test_phrases_reach_the_recogniser(dragoman: Dragoman, clip: Path, tmp_path: Path, content: object) -> None:
    result = dragoman("transcribe", "--phrases", written(tmp_path, content), clip)
    assert (result.returncode, result.stdout, result.stderr) == (0, "blue tulip\n", "")


def test_what_is_left_out_gets_a_line_and_the_rest_works(dragoman: Dragoman, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "dictionary").write_text("disentu\td I z E n t u:\tx q z\nпривет\n", encoding="utf-8")
    phrases = written(tmp_path, "blue tulip\ncall $nick_name\n\U0001f600\n")
    result = dragoman("transcribe", "--phrases", phrases, "--dictionary", tmp_path / "dictionary", clip)
    assert (result.returncode, result.stdout) == (0, "blue tulip\n")
    lines = result.stderr.splitlines()
    assert [line.split("'")[0] for line in lines] == ["dragoman: phrase "] * 2 + ["dragoman: word "] * 2


@pytest.mark.parametrize(
    ("option", "content", "blamed"),
    [
        ("--phrases", "", "no phrases"),
        ("--phrases", {"dictionary": [{"word": "disentu"}]}, "no phrases"),
        ("--phrases", '{"phrases": [', "JSON"),
        ("--phrases", {"phrases": ["blue tulip"]}, "object"),
        ("--phrases", b"\xff\xfeb\x00", "UTF-8"),
        ("--dictionary", "\n", "no dictionary"),
        ("--dictionary", {"phrases": [{"phrase": "blue tulip"}]}, "no dictionary"),
    ],
)
def test_a_file_that_is_none_is_wrong_usage(
    dragoman: Dragoman, clip: Path, tmp_path: Path, option: str, content: str | bytes | object, blamed: str
) -> None:
    path = written(tmp_path, content)
    result = dragoman("transcribe", option, path, clip)
    assert (result.returncode, result.stdout) == (2, "")
    assert str(path) in result.stderr
    assert blamed in result.stderr
    assert dragoman("transcribe", option, tmp_path / "missing", clip).returncode == 2


def test_phrases_for_a_recogniser_that_cannot_prefer_them_are_wrong_usage(tmp_path: Path, clip: Path) -> None:
    dragoman = Dragoman(tmp_path, script={"phrases": False})
    result = dragoman("transcribe", "--phrases", written(tmp_path, "blue tulip"), clip)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--phrases" in result.stderr
    assert dragoman("transcribe", "--dictionary", written(tmp_path, "disentu"), clip).returncode == 0


def test_checking_shows_how_words_sound(dragoman: Dragoman, tmp_path: Path) -> None:
    result = dragoman("vocabulary", "check", written(tmp_path, JSON))
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["WORD", "PRONUNCIATION"],
        ["disentu", "d", "I", "z", "E", "n", "t", "u:", "added"],
        [],
        ["PHRASE"],
        ["blue", "tulip", "accepted"],
    ]


@pytest.mark.parametrize(
    ("content", "status", "shown"),
    [
        ("phrase\nblue tulip\n", 0, "blue tulip"),
        ("phrase\tf r eI z\nJohn\n", 0, "known, $"),
        ("disentu\td I z\tQ\n", 1, "Q"),
        ("call $nick_name\n", 1, "$nick_name"),
        ("привет\n", 1, "привет"),
        ("disentu\td I z\n\u202eabc\x1b[31m\tb i: s\n", 1, "\\u202eabc\\u001b"),
    ],
)
def test_the_status_says_whether_anything_was_left_out(
    dragoman: Dragoman, tmp_path: Path, content: str, status: int, shown: str
) -> None:
    result = dragoman("vocabulary", "check", written(tmp_path, content))
    assert (result.returncode, result.stderr) == (status, "")
    assert shown in result.stdout


def test_classes_of_the_operator_may_be_named_and_a_bad_one_is_blamed(dragoman: Dragoman, tmp_path: Path) -> None:
    classes = tmp_path / "classes"
    classes.mkdir()
    (classes / "flower.txt").write_text("blue tulip\n")
    phrases = written(tmp_path, "my $flower")
    assert dragoman("vocabulary", "check", phrases).returncode == 1
    own = {"DRAGOMAN_CLASSES_DIR": str(classes)}
    assert dragoman("vocabulary", "check", phrases, env=own).returncode == 0
    (classes / "flower.txt").write_text("")
    result = dragoman("vocabulary", "check", phrases, env=own)
    assert result.returncode == 2
    assert "flower.txt" in result.stderr
    result = dragoman("serve", "--port", "0", env=own)
    assert result.returncode == 1
    assert "flower.txt" in result.stderr


def test_what_is_beyond_a_limit_is_named(dragoman: Dragoman, tmp_path: Path) -> None:
    result = dragoman("vocabulary", "check", written(tmp_path, "a\nb\nc\n"), env={"DRAGOMAN_MAX_PHRASES": "2"})
    assert (result.returncode, result.stdout) == (1, "")
    assert "3 phrases" in result.stderr
