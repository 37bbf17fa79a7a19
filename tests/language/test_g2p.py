from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.language.g2p import G2P, GraphoneModel
from dragoman.language.lexicon import Lexicon
from dragoman.language.phonemes import PHONEMES, Pronunciation, is_phoneme

pytestmark = pytest.mark.unit

spellings = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz'"), max_size=12)
pronunciations = st.lists(st.sampled_from(PHONEMES), max_size=12).map(tuple)


@pytest.fixture(scope="module")
def g2p() -> G2P:
    g2p = G2P()
    g2p.load()
    return g2p


def distance(a: Pronunciation, b: Pronunciation) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, before = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


def test_words_of_the_lexicon_come_back_nearly_as_they_are(g2p: G2P) -> None:
    """Trained on these words; how it does on others is in the decision note."""
    lexicon = Lexicon()
    lexicon.load()
    words = [word for word in itertools.islice(lexicon.words(), 0, None, 400) if word.isalpha()]
    errors = phones = 0
    for word in words:
        guess = g2p.pronounce(word)
        known = min(lexicon.pronunciations(word), key=lambda known: distance(guess, known))
        errors += distance(guess, known)
        phones += len(known)
    assert len(words) > 250
    assert errors / phones < 0.04


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("kubernetes", "K UW B ER N EH T IY Z"),
        ("phonexia", "F AH N EH K S IY AH"),
        ("crowdfunding", "K R AW D F AH N D IH NG"),
    ],
)
def test_a_new_word_sounds_right(g2p: G2P, word: str, expected: str) -> None:
    assert word not in _lexicon()
    assert distance(g2p.pronounce(word), tuple(expected.split())) <= 2


def _lexicon() -> Lexicon:
    lexicon = Lexicon()
    lexicon.load()
    return lexicon


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=15))
def test_any_text_gives_phones_alone(g2p: G2P, text: str) -> None:
    assert all(map(is_phoneme, g2p.pronounce(text)))


def test_what_has_no_letters_has_no_pronunciation(g2p: G2P) -> None:
    assert g2p.pronounce("") == g2p.pronounce("123") == g2p.pronounce("東京") == ()


def test_the_answer_does_not_depend_on_earlier_ones(g2p: G2P) -> None:
    fresh = G2P()
    for word in ("dragoman", "zyzzyva", "dragoman"):
        assert fresh.pronounce(word) == g2p.pronounce(word)


def test_a_very_long_word_is_pronounced_in_pieces(g2p: G2P) -> None:
    piece = "antidisestablishmentarianismantidisestab"
    assert len(piece) == g2p.longest
    assert g2p.pronounce(piece * 2) == g2p.pronounce(piece) * 2


@settings(max_examples=200, deadline=None)
@given(spellings, pronunciations)
def test_links_cover_all_letters_and_all_phones_in_order(g2p: G2P, letters: str, phones: Pronunciation) -> None:
    at = (0, 0)
    for link in g2p.align(letters, phones):
        assert (link.letters_start, link.phones_start) == at
        assert link.letters_end - link.letters_start + link.phones_end - link.phones_start > 0
        at = (link.letters_end, link.phones_end)
    assert at == (len(letters), len(phones))


@pytest.mark.parametrize(
    ("word", "phones", "expected"),
    [
        ("phoned", "F OW N D", [("ph", "F"), ("o", "OW"), ("n", "N"), ("ed", "D")]),
        ("box", "B AA K S", [("b", "B"), ("o", "AA"), ("x", "K S")]),
        ("fling", "F L IH NG", [("f", "F"), ("l", "L"), ("i", "IH"), ("ng", "NG")]),
        ("check", "CH EH K", [("ch", "CH"), ("e", "EH"), ("ck", "K")]),
    ],
)
def test_letters_are_linked_to_the_phones_they_stand_for(
    g2p: G2P, word: str, phones: str, expected: list[tuple[str, str]]
) -> None:
    said = tuple(phones.split())
    links = g2p.align(word, said)
    assert [(word[a:b], " ".join(said[c:d])) for a, b, c, d in links] == expected


def test_probabilities_of_what_may_follow_add_up_to_one(g2p: G2P) -> None:
    """Up to the rounding to a byte; after any history, known or not."""
    model = g2p.model
    tokens = range(1, len(model.graphones) + 2)
    for history in ((0,), (0, 50), (0, 100, 300), (5, 5, 5, 5, 5), (200,), ()):
        total = sum(math.exp(model.log_p(history, token)) for token in tokens)
        assert total == pytest.approx(1, abs=0.06), history


def test_a_model_survives_its_file() -> None:
    graphones = [("a", ("AH",)), ("b", ("B",)), ("x", ("K", "S")), ("e", ())]
    log_p = {(token,): -1.5 for token in range(6)} | {(0, 2): -0.5, (0, 3): -1.0, (2, 3): -0.25, (0, 2, 3): -0.125}
    backoff = {(0,): -1.0, (2,): -0.5, (0, 2): -2.0}
    model = GraphoneModel.from_bytes(GraphoneModel.build(graphones, log_p, backoff).to_bytes())
    assert model.graphones == tuple(graphones)
    assert model.order == 3
    assert model.log_p((0, 2), 3) == pytest.approx(-0.125, abs=0.04)
    assert model.log_p((0, 2), 4) == pytest.approx(-2.0 - 0.5 - 1.5, abs=0.1)
    assert model.log_p((4, 2), 3) == pytest.approx(-0.25, abs=0.04)
    assert model.log_p((4, 5), 3) == pytest.approx(-1.5, abs=0.04)


@pytest.mark.parametrize("data", [b"", b"something else", b"dragoman-g2p-0\n"])
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="letter-to-sound"):
        GraphoneModel.from_bytes(data)
