from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.classes import ClassToken, InvalidWordClass, WordClasses, split_phrase
from dragoman.language.graphemes import unsupported_graphemes, words_of

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def built_in() -> WordClasses:
    classes = WordClasses()
    classes.load()
    return classes


def loaded(folder: Path) -> WordClasses:
    classes = WordClasses(folder)
    classes.load()
    return classes


def test_the_classes_of_the_document_exist_for_english(built_in: WordClasses) -> None:
    wanted = {"first_name", "female_first_name", "male_first_name", "surname", "municipality", "street"}
    assert wanted <= set(built_in.names())
    assert list(built_in.names()) == sorted(built_in.names())


def test_built_in_members_are_distinct_words_of_english_letters(built_in: WordClasses) -> None:
    for name in built_in.names():
        members = built_in.members(name)
        assert len(members) > 100
        assert len({member.casefold() for member in members}) == len(members)
        for member in members:
            assert member == " ".join(words_of(member))
            assert not unsupported_graphemes(member.replace(" ", "")), member
            assert any(map(str.isupper, member)), member


def test_every_member_is_found_whatever_its_case_and_separator(built_in: WordClasses) -> None:
    for name in built_in.names():
        for member in built_in.members(name)[::50]:
            for written in (member, member.lower(), member.upper(), member.replace(" ", "+")):
                assert name in built_in.classes_of(written)


def test_first_names_are_female_or_male_ones(built_in: WordClasses) -> None:
    female, male = set(built_in.members("female_first_name")), set(built_in.members("male_first_name"))
    assert set(built_in.members("first_name")) == female | male
    assert female - male
    assert male - female


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Jennifer", "female_first_name"),
        ("Siobhan", "female_first_name"),
        ("Robert", "male_first_name"),
        ("O'Brien", "surname"),
        ("Manchester", "municipality"),
        ("new york", "municipality"),
        ("Montréal", "municipality"),
        ("High Street", "street"),
        ("Ireland", "country"),
        ("Queensland", "region"),
        ("Welsh", "language"),
    ],
)
def test_well_known_names_are_in_their_class(built_in: WordClasses, word: str, name: str) -> None:
    assert name in built_in.classes_of(word)


@pytest.mark.parametrize(
    "word", ["", " ", "+", "preferred", "phrase", "disentu", "# Written", "\x00", "🍺", "x" * 10_000]
)
def test_other_words_are_in_no_class(built_in: WordClasses, word: str) -> None:
    assert built_in.classes_of(word) == ()


def test_the_common_stand_first(built_in: WordClasses) -> None:
    assert built_in.members("surname").index("Smith") < 10
    assert built_in.members("municipality").index("London") < built_in.members("municipality").index("Kilkenny")


def test_a_class_that_does_not_exist_is_not_there(built_in: WordClasses) -> None:
    assert "colour" not in built_in
    with pytest.raises(KeyError):
        built_in.members("colour")


names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
members = st.lists(
    st.text(st.characters(categories=("L", "M", "N", "P")), min_size=1, max_size=20)
    .filter(lambda text: not text.startswith("#"))
    .map(lambda text: " ".join(words_of(text)))
    .filter(bool),
    min_size=1,
    max_size=20,
)


@given(names, members, st.sampled_from(["\n", "\r\n", "\n\n", " \n\t"]), st.sampled_from(["", "\ufeff", "# note\n"]))
def test_an_operators_file_is_a_class(
    tmp_path_factory: pytest.TempPathFactory, name: str, listed: list[str], ending: str, opening: str
) -> None:
    folder = tmp_path_factory.mktemp("classes")
    (folder / f"{name}.txt").write_bytes((opening + ending.join(listed) + ending).encode())
    classes = loaded(folder)
    assert name in classes
    assert len(classes.members(name)) <= len(set(listed))
    assert all(name in classes.classes_of(member) for member in listed)


def test_an_operators_class_stands_in_for_a_built_in_one(tmp_path: Path, built_in: WordClasses) -> None:
    (tmp_path / "surname.txt").write_text("Skywalker\n")
    (tmp_path / "ship.txt").write_text("Millennium Falcon\n")
    classes = loaded(tmp_path)
    assert classes.members("surname") == ("Skywalker",)
    assert classes.classes_of("skywalker") == ("surname",)
    assert classes.classes_of("millennium falcon") == ("ship",)
    assert classes.classes_of("O'Brien") == ()
    assert set(classes.names()) == {*built_in.names(), "ship"}


def test_the_narrowest_class_comes_first(tmp_path: Path, built_in: WordClasses) -> None:
    (tmp_path / "agent.txt").write_text("Jennifer\nOtto\n")
    assert loaded(tmp_path).classes_of("jennifer") == ("agent", *built_in.classes_of("jennifer"))
    for word in ("Jordan", "London", "James"):
        sizes = [len(built_in.members(name)) for name in built_in.classes_of(word)]
        assert len(sizes) > 1
        assert sizes == sorted(sizes)


def test_other_files_of_the_folder_are_let_be(tmp_path: Path) -> None:
    for name in ("README.md", ".hidden.txt", "ship.txt~", "ship.csv"):
        (tmp_path / name).write_bytes(b"\xff")
    assert set(loaded(tmp_path).names()) == set(WordClasses().names())


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("ship.txt", b"Falcon\nCaf\xe9\n", "line 2 is not UTF-8"),
        ("ship.txt", b"", "no entries"),
        ("ship.txt", b"\n \n# nothing\n", "no entries"),
        ("ship.txt", b"x" * 201, "longer than 200"),
        ("ship.txt", b"Fal\x00con\n", "control characters"),
        ("ship.txt", b"a\n" * (5 * 2**20), "larger than 8 MB"),
        ("ship.txt", "\n".join(map(str, range(100_001))).encode(), "more than 100000 entries"),
        ("Ship.txt", b"Falcon\n", "name the file"),
        ("star ship.txt", b"Falcon\n", "name the file"),
        ("2ship.txt", b"Falcon\n", "name the file"),
        (f"{'x' * 65}.txt", b"Falcon\n", "name the file"),
    ],
)
def test_a_file_that_is_no_class_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    (tmp_path / "good.txt").write_text("Falcon\n")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidWordClass, match=problem) as raised:
        loaded(tmp_path)
    assert str(tmp_path / name) in str(raised.value)


def test_a_folder_where_a_file_should_be_and_one_that_is_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidWordClass, match="nowhere"):
        loaded(tmp_path / "nowhere")
    (tmp_path / "ship.txt").mkdir()
    with pytest.raises(InvalidWordClass, match=r"ship\.txt"):
        loaded(tmp_path)


def test_tokens_are_told_from_text() -> None:
    assert split_phrase("my name is $first_name and i live in $municipality") == [
        "my name is ",
        ClassToken("first_name"),
        " and i live in ",
        ClassToken("municipality"),
    ]
    assert split_phrase("$first_name $surname's") == [ClassToken("first_name"), " ", ClassToken("surname"), "'s"]


@pytest.mark.parametrize("text", ["$5", "$3.50 off", "US$", "a$b", "$", "$$", "$$name", "$ name", "plain words"])
def test_money_is_text(text: str) -> None:
    assert split_phrase(text) == [text]


@given(st.lists(st.text() | names.map("${}".format)).map(" ".join))
def test_the_parts_of_a_phrase_make_the_phrase(phrase: str) -> None:
    parts = split_phrase(phrase)
    assert "".join(map(str, parts)) == phrase
    assert all(map(str, parts))


@given(names)
def test_a_token_is_found_anywhere(name: str) -> None:
    assert split_phrase(f"call ${name}, now") == ["call ", ClassToken(name), ", now"]
