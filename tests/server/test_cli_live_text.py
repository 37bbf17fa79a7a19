"""Laws of what is shown of a live stream."""

from __future__ import annotations

import io
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.transcript import Segment, Word
from dragoman.server.cli.live_text import FinalLines, JsonLines, LiveText, TerminalText, live_text, open_line

pytestmark = pytest.mark.unit

ERASE = "\r\x1b[K"
texts = st.text(st.characters(codec="utf-8"), max_size=300)


class Screen(io.TextIOWrapper):
    """Keeps what is written to it."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        self.kept = io.BytesIO()
        self._is_terminal = is_terminal
        super().__init__(self.kept, encoding="ascii")

    def isatty(self) -> bool:
        return self._is_terminal

    def seen(self) -> str:
        return self.kept.getvalue().decode()


def segment(text: str, index: int = 0) -> Segment:
    words = tuple(Word(word, 100 * at, 100 * at + 100, 0.9) for at, word in enumerate(text.split(" ")))
    return Segment(index, 0, 0, 100 * len(words), text, 0.9, words)


YES_NO = (("Yes.", 0), ("No.", 1), ("No.", 1))
EVENTS: tuple[SpeechEvent, ...] = (
    SpeechStarted(0, 0, 0),
    Partial(segment("Try a"), 1),
    Partial(segment("Try again")),
    Final(segment("Tried again.")),
    SpeechEnded(0, 0, 1_000),
    SpeechStarted(1, 0, 2_000),
    Partial(segment("hm", 1)),
    SpeechEnded(1, 0, 2_100),
    SpeechStarted(2, 0, 3_000),
    Final(segment("naïve 食べる", 2)),
    SpeechEnded(2, 0, 4_000),
    Finished(5_000, "en", "m"),
)


SEVERAL = Segment(
    *(0, 0, 0, 300, "Yes. No. No."),
    0.9,
    tuple(Word(text, 100 * at, 100 * at + 100, 0.9, (), who) for at, (text, who) in enumerate(YES_NO)),
)
"""Two people in one breath."""


def show(text: LiveText) -> None:
    for event in EVENTS:
        text.event(event)


def rows(seen: str) -> list[str]:
    """What a terminal shows at the end."""
    row, shown = "", []
    for part in re.split(r"(\r\x1b\[K|\n)", re.sub(r"\x1b\[[02]m", "", seen)):
        if part == "\n":
            shown.append(row)
            row = ""
        elif part == ERASE:
            row = ""
        else:
            row += part
    return [*shown, row]


def width(text: str) -> int:
    plain = re.sub(r"\x1b\[[02]m", "", text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in plain
    )


def test_away_from_a_terminal_there_are_finals_one_a_line_and_nothing_else() -> None:
    screen = Screen()
    show(FinalLines(screen))
    assert screen.seen() == "Tried again.\nnaïve 食べる\n"


def test_a_terminal_ends_up_with_the_finals_alone() -> None:
    screen = Screen(is_terminal=True)
    show(TerminalText(screen))
    assert rows(screen.seen()) == ["Tried again.", "naïve 食べる", ""]


def test_a_terminal_sees_what_is_being_said_in_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(is_terminal=True)
    show(TerminalText(screen))
    assert f"{ERASE}Try\x1b[2m a\x1b[0m" in screen.seen()
    assert f"{ERASE}\x1b[2mTry again\x1b[0m" in screen.seen()
    assert screen.seen().count("\n") == 2


def test_closing_leaves_no_open_line() -> None:
    screen = Screen(is_terminal=True)
    text = TerminalText(screen)
    text.event(EVENTS[1])
    text.close()
    assert rows(screen.seen()) == [""]


def test_a_note_does_not_mix_with_the_open_line(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(is_terminal=True)
    text = TerminalText(screen)
    text.event(EVENTS[1])
    text.note("something else")
    assert rows(screen.seen()) == [""]
    assert capsys.readouterr().err == "dragoman: something else\n"


def test_json_has_every_event_in_a_line_of_its_own() -> None:
    screen = Screen()
    show(JsonLines(screen))
    read = [json.loads(line) for line in screen.seen().splitlines()]
    assert len(read) == len(EVENTS)
    assert [fields["event"] for fields in read[:5]] == ["speech_started", "partial", "partial", "final", "speech_ended"]
    assert (read[1]["text"], read[1]["stable_words"]) == ("Try a", 1)
    assert [word["text"] for word in read[3]["words"]] == ["Tried", "again."]
    assert read[-1] == {"event": "finished", "duration_ms": 5_000, "language": "en", "model": "m"}


@given(texts, st.integers(0, 300), st.integers(2, 200))
def test_the_open_line_fits_into_one_row_whatever_is_said(text: str, stable: int, columns: int) -> None:
    line = open_line(text, min(stable, len(text)), columns)
    assert width(line) < columns
    assert not set(re.sub(r"\x1b\[[02]m", "", line)) & set("\r\n\t\x1b\x00")


@given(st.text("abc 食", max_size=60), st.integers(0, 60), st.integers(2, 40))
def test_the_open_line_is_the_end_of_the_text_dim_from_what_may_change(text: str, stable: int, columns: int) -> None:
    stable = min(stable, len(text))
    certain, _, rest = open_line(text, stable, columns).removesuffix("\x1b[0m").partition("\x1b[2m")
    shown = certain + rest
    if width(text) < columns:
        assert (certain, rest) == (text[:stable], text[stable:])
    else:
        assert shown.startswith("…")
        assert text.endswith(shown[1:])
        assert len(rest) == min(len(text) - stable, len(shown) - 1)


def test_the_form_follows_the_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Screen(is_terminal=True))
    assert isinstance(live_text("txt"), TerminalText)
    assert isinstance(live_text("json"), JsonLines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(live_text("txt"), FinalLines)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Screen())
    assert isinstance(live_text("txt"), FinalLines)


@pytest.mark.parametrize("is_terminal", [False, True])
def test_who_says_something_has_a_line_of_it(is_terminal: bool) -> None:
    screen = Screen(is_terminal=is_terminal)
    text = TerminalText(screen) if is_terminal else FinalLines(screen)
    text.event(Final(SEVERAL))
    assert screen.seen() == "[speaker 0] Yes.\n[speaker 1] No. No.\n"


def test_words_of_others_than_who_began_name_their_speaker() -> None:
    screen = Screen()
    JsonLines(screen).event(Final(SEVERAL))
    said = json.loads(screen.seen())
    assert said["speaker"] == 0
    assert [word.get("speaker", said["speaker"]) for word in said["words"]] == [0, 1, 1]
    assert "speaker" not in said["words"][0]
