"""The aligner on recordings whose words are known: "It was the best of times, it was the worst of times, …"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.analysis.align import PocketSphinxAligner
from dragoman.analysis.features import Floats
from dragoman.core.ports import WordTimes
from dragoman.core.request import DictionaryWord
from recordings import speech

pytestmark = pytest.mark.model

TEXT = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,"
SECONDS = 8.6
PAUSES = ((0, 1210), (2860, 2980), (4540, 5040), (6210, 6660), (8240, 8600))
"""Milliseconds without speech, read off the energy and heard."""
AFTER_PAUSES = (0, 6, 12, 18)
"""Words that begin after one."""


@pytest.fixture(scope="module")
def voice(sample: Callable[[str], Path]) -> Floats:
    return np.ascontiguousarray(speech(sample("two_cities"), 16_000, SECONDS, start_s=0))


@pytest.fixture(scope="module")
def aligner() -> PocketSphinxAligner:
    aligner = PocketSphinxAligner()
    aligner.load()
    return aligner


def check(words: Sequence[str], found: Sequence[WordTimes], samples: int, *, characters: bool) -> None:
    """The laws of the port."""
    assert len(found) == len(words)
    after = 0
    for word, times in zip(words, found, strict=True):
        assert after <= times.start_ms <= times.end_ms <= samples / 16
        assert times.start_ms % 10 == times.end_ms % 10 == 0
        after = times.end_ms
        if not characters:
            assert times.characters == ()
            continue
        assert "".join(character.text for character in times.characters) == word
        at = times.start_ms
        for character in times.characters:
            assert at <= character.start_ms <= character.end_ms <= times.end_ms
            at = character.end_ms


def test_words_lie_between_the_pauses_where_they_are_heard(aligner: PocketSphinxAligner, voice: Floats) -> None:
    found = aligner.align(voice.data, TEXT.split())
    for at, (_, pause_end), (next_pause, _) in zip(AFTER_PAUSES, PAUSES, PAUSES[1:], strict=False):
        assert found[at].start_ms == pytest.approx(pause_end, abs=40)
        assert found[at + 5].end_ms == pytest.approx(next_pause, abs=60)


def test_no_word_reaches_into_a_pause(aligner: PocketSphinxAligner, voice: Floats) -> None:
    for times in aligner.align(voice.data, TEXT.split()):
        for start, end in PAUSES:
            assert min(times.end_ms, end) - max(times.start_ms, start) <= 40


def test_a_pause_grows_and_nothing_else(aligner: PocketSphinxAligner, voice: Floats) -> None:
    """Silence put into the pause after "of times," moves the words behind it by as much, to a frame or two."""
    cut, more = 4_800 * 16, 16_000
    quiet = np.resize(voice[4_650 * 16 : 4_950 * 16], more)
    longer = np.concatenate([voice[:cut], quiet, voice[cut:]])
    before = aligner.align(voice.data, TEXT.split())
    after = aligner.align(longer.data, TEXT.split())
    for at, (short, long) in enumerate(zip(before, after, strict=True)):
        moved = 1000 if at >= 12 else 0
        assert long.start_ms - short.start_ms == pytest.approx(moved, abs=30)
        assert long.end_ms - short.end_ms == pytest.approx(moved, abs=30)


@pytest.mark.parametrize("gain", [0.05, 0.3, 1.5])
def test_loudness_changes_little(aligner: PocketSphinxAligner, voice: Floats, gain: float) -> None:
    words = TEXT.split()
    pairs = zip(aligner.align(voice.data, words), aligner.align((voice * np.float32(gain)).data, words), strict=True)
    moved = [abs(a.start_ms - b.start_ms) for a, b in pairs]
    assert sorted(moved)[len(moved) * 9 // 10] <= 30
    assert max(moved) <= 100


def test_alignment_is_a_pure_function(aligner: PocketSphinxAligner, voice: Floats) -> None:
    words = TEXT.split()
    first = aligner.align(voice.data, words, characters=True)
    aligner.align(voice[::-1].copy().data, ["Something", "else", "entirely,", "zyzzyva", "2018."])
    aligner.align(voice[:8000].data, words)
    assert aligner.align(voice.data, words, characters=True) == first
    fresh = PocketSphinxAligner()
    fresh.load()
    assert fresh.align(voice.data, words, characters=True) == first


def test_characters_do_not_change_the_words(aligner: PocketSphinxAligner, voice: Floats) -> None:
    plain = aligner.align(voice.data, TEXT.split())
    fine = aligner.align(voice.data, TEXT.split(), characters=True)
    assert [(a.start_ms, a.end_ms) for a in plain] == [(b.start_ms, b.end_ms) for b in fine]
    check(TEXT.split(), fine, len(voice), characters=True)


def test_letters_lie_on_their_phones(aligner: PocketSphinxAligner, voice: Floats) -> None:
    """In "best" the hissing of the s is where its energy above 4 kHz is; the comma of "times," has no length."""
    found = aligner.align(voice.data, TEXT.split(), characters=True)
    best, times = found[3], found[5]
    hiss = np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(voice, 320)[::160] * np.hanning(320)))
    high = hiss[:, 80:].sum(1)
    loudest = best.start_ms + 10 * int(high[best.start_ms // 10 : best.end_ms // 10].argmax())
    s = best.characters[2]
    assert s.text == "s"
    assert s.start_ms - 10 <= loudest <= s.end_ms + 10
    assert [c.text for c in times.characters if c.start_ms == c.end_ms] == [","]
    assert times.characters[-1].start_ms == times.end_ms
    assert best.characters[0].start_ms == best.start_ms
    assert best.characters[-1].end_ms == best.end_ms


def test_a_word_said_differently_from_its_spelling_shares_its_time_evenly(
    aligner: PocketSphinxAligner, voice: Floats
) -> None:
    words = TEXT.replace("the worst", "2018").split()
    found = aligner.align(voice.data, words, characters=True)
    check(words, found, len(voice), characters=True)
    lengths = [c.end_ms - c.start_ms for c in found[words.index("2018")].characters]
    assert max(lengths) - min(lengths) <= 10
    assert sum(lengths) == found[words.index("2018")].end_ms - found[words.index("2018")].start_ms


@pytest.mark.parametrize("written", ["IT", "It's", "It", "it", "“It”", "It—"])
def test_how_a_word_is_written_does_not_move_the_others(
    aligner: PocketSphinxAligner, voice: Floats, written: str
) -> None:
    plain = aligner.align(voice.data, TEXT.split())
    other = aligner.align(voice.data, [written, *TEXT.split()[1:]])
    assert all(abs(a.start_ms - b.start_ms) <= 30 for a, b in zip(plain[2:], other[2:], strict=True))


def test_what_is_not_said_has_no_length_and_moves_nothing(aligner: PocketSphinxAligner, voice: Floats) -> None:
    words = TEXT.split()
    plain = aligner.align(voice.data, words)
    with_marks = aligner.align(voice.data, ["—", *words[:6], "😀", "…", *words[6:], "東京"])
    assert [t for i, t in enumerate(with_marks) if i not in (0, 7, 8, len(words) + 3)] == list(plain)
    assert with_marks[0] == WordTimes(plain[0].start_ms, plain[0].start_ms)
    assert with_marks[7] == with_marks[8] == WordTimes(plain[5].end_ms, plain[5].end_ms)
    assert with_marks[-1] == WordTimes(plain[-1].end_ms, plain[-1].end_ms)


def test_words_without_anything_to_say_are_placed_at_the_start(aligner: PocketSphinxAligner, voice: Floats) -> None:
    assert aligner.align(voice.data, ["…", "—"]) == (WordTimes(0, 0), WordTimes(0, 0))
    assert aligner.align(voice.data, []) == ()


def test_too_many_words_share_the_speech_by_their_length(aligner: PocketSphinxAligner, voice: Floats) -> None:
    """Half a second of audio, of which the second half is speech, for words that take two."""
    clip = voice[950 * 16 : 1_450 * 16]
    words = [*TEXT.split(), "extraordinarily"]
    found = aligner.align(clip.data, words, characters=True)
    check(words, found, len(clip), characters=True)
    assert found[0].start_ms >= 150
    assert found[-1].end_ms > 400
    assert found[-1].end_ms - found[-1].start_ms > found[0].end_ms - found[0].start_ms


@pytest.mark.parametrize("length", [0, 1, 100, 160, 409, 410, 411, 1600])
def test_audio_too_short_for_anything_is_shared_out(aligner: PocketSphinxAligner, voice: Floats, length: int) -> None:
    clip = voice[20_000 : 20_000 + length]
    for words in (["Hello,"], ["a"], TEXT.split(), ["—"]):
        check(words, aligner.align(clip.data, words, characters=True), length, characters=True)


@pytest.mark.parametrize("kind", ["silence", "noise", "loud", "not a number", "infinite"])
def test_audio_that_is_no_speech_keeps_the_laws(aligner: PocketSphinxAligner, kind: str) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 48_000).astype(np.float32)
    audio = {
        "silence": np.zeros_like(noise),
        "noise": noise * np.float32(0.01),
        "loud": noise * np.float32(50),
        "not a number": np.where(noise > 0.9, np.float32("nan"), noise),
        "infinite": np.where(noise > 0.9, np.float32("inf"), noise),
    }[kind]
    words = TEXT.split()
    check(words, aligner.align(audio.data, words, characters=True), len(audio), characters=True)


def test_audio_longer_than_any_segment_keeps_the_laws(aligner: PocketSphinxAligner, voice: Floats) -> None:
    audio = np.tile(voice, 5)
    words = TEXT.split() * 5
    check(words, aligner.align(audio.data, words, characters=True), len(audio), characters=True)


odd_words = st.text(
    st.one_of(
        st.sampled_from("abcdeéßﬁABC0123456789.,:/'’-–—$€%°½&@#!?… "),
        st.characters(exclude_categories=("Cs",)),
    ),
    min_size=1,
    max_size=12,
)
usual_words = st.sampled_from(
    [
        "Hello,",
        "$3.50",
        "2018",
        "U.S.",
        "don't",
        "twenty-one",
        "café",
        "COVID-19's",
        "10:30",
        "&",
        "1st",
        "—",
        "😀",
        "AT&T",
        "1990s,",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(usual_words, odd_words), max_size=12),
    st.integers(0, 60_000),
    st.integers(0, 60_000),
    st.booleans(),
)
def test_any_words_on_any_stretch_of_speech_keep_the_laws(
    aligner: PocketSphinxAligner, voice: Floats, words: list[str], start: int, length: int, characters: bool
) -> None:
    clip = voice[start : start + length]
    found = aligner.align(clip.data, words, characters=characters)
    check(words, found, len(clip), characters=characters)
    assert aligner.align(clip.data, words, characters=characters) == found


def test_a_word_lies_where_its_pronunciation_by_the_client_is_said(aligner: PocketSphinxAligner, voice: Floats) -> None:
    plain = aligner.align(voice.data, TEXT.split())
    renamed = TEXT.replace("wisdom", "Qx4").split()
    known = [DictionaryWord("qx", (("W", "IH", "Z", "D", "AH", "M"),), display="Qx4")]
    found = aligner.align(voice.data, renamed, known=known, characters=True)
    check(renamed, found, len(voice), characters=True)
    for place, expected in zip(found, plain, strict=True):
        assert place.start_ms == pytest.approx(expected.start_ms, abs=20)
        assert place.end_ms == pytest.approx(expected.end_ms, abs=20)
