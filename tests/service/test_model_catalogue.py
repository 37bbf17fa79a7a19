"""Laws of catalogues and manifests."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.models import Model, ModelEngine, ModelFile, ModelTask
from dragoman.server.models import catalogue
from dragoman.server.settings import Settings
from dragoman.service.model_catalogue import (
    MANIFEST,
    CatalogueError,
    check_model,
    read_catalogue,
    read_manifest,
    write_manifest,
)

pytestmark = pytest.mark.unit

ENTRY = """
[[model]]
name = "tiny"
task = "recognition"
engine = "whisper"
languages = ["en"]
licence = "MIT"
source = "https://example.org/tiny"
files = [{path = "a.bin", size = 1, sha256 = "%s", url = "https://example.org/a.bin"}]
""" % ("0" * 64)

digests = st.text("0123456789abcdef", min_size=64, max_size=64)
files = st.lists(
    st.builds(
        ModelFile,
        st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9.]{1,3}x)?", fullmatch=True),
        st.integers(0, 2**40),
        digests,
        st.sampled_from([None, "https://example.org/x"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda file: file.path.split("/")[0],
)
models = st.builds(
    Model,
    st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True),
    st.sampled_from(ModelTask),
    st.sampled_from(ModelEngine),
    files.map(tuple),
    st.lists(st.sampled_from(["en", "de", "jv"])).map(tuple),
    st.text(),
    st.text(),
    st.text(),
)


@given(models)
def test_a_manifest_says_the_whole_model(model: Model) -> None:
    assert read_manifest(write_manifest(model), "here") == model
    check_model(model)


@given(st.binary())
def test_a_manifest_of_any_content_is_read_or_refused(data: bytes) -> None:
    with pytest.raises(CatalogueError, match="here"):
        read_manifest(data, "here")


def test_an_entry_is_read() -> None:
    (model,) = read_catalogue(ENTRY, "here").values()
    assert (model.name, model.task, model.engine, model.languages) == ("tiny", "recognition", "whisper", ("en",))
    assert model.size == 1


def test_an_empty_catalogue_has_no_models() -> None:
    assert read_catalogue("", "here") == {}


@pytest.mark.parametrize(
    ("right", "wrong", "field"),
    [
        ("task =", "tsak =", "tsak"),
        ('"recognition"', '"recogniton"', "task"),
        ('"whisper"', '"wisper"', "engine"),
        ('["en"]', '["english"]', "languages"),
        ('["en"]', '["qq"]', "languages"),
        ('["en"]', '"en"', "languages"),
        ("size = 1", 'size = "1"', "size"),
        ("size = 1", "size = -1", "size"),
        ("size = 1", "sise = 1", "sise"),
        ("0" * 64, "0" * 63, "sha256"),
        ("0" * 64, "G" * 64, "sha256"),
        ('url = "https:', 'url = "http:', "url"),
        (', url = "https://example.org/a.bin"', "", "url"),
        ('"a.bin"', '"../a.bin"', "path"),
        ('"a.bin"', '"/a.bin"', "path"),
        ('"a.bin"', '"a/../../b"', "path"),
        ('"a.bin"', '"a//b"', "path"),
        ('"a.bin"', '"."', "path"),
        ('"a.bin"', r'"a\\b"', "path"),
        ('"a.bin"', r'"a\u0000b"', "path"),
        ('"a.bin"', f'"{MANIFEST}"', "path"),
        ('"a.bin"', '"a.bin.part"', "path"),
        ('licence = "MIT"', "licence = 1", "licence"),
    ],
)
def test_a_typo_is_said_with_its_entry_and_field(right: str, wrong: str, field: str) -> None:
    assert right in ENTRY
    with pytest.raises(CatalogueError, match=rf"here, model 'tiny': .*{field}"):
        read_catalogue(ENTRY.replace(right, wrong), "here")


@pytest.mark.parametrize("name", ["", "Tiny", ".tiny", "../tiny", "a/b", "a b", "x" * 65])
def test_a_name_is_a_plain_file_name(name: str) -> None:
    with pytest.raises(CatalogueError, match="name"):
        read_catalogue(ENTRY.replace('"tiny"', f'"{name}"'), "here")


def test_an_entry_without_a_name_is_said_by_its_number() -> None:
    with pytest.raises(CatalogueError, match=r"entry 2: .*name"):
        read_catalogue(ENTRY + ENTRY.replace('name = "tiny"', ""), "here")


def test_a_name_is_given_once() -> None:
    with pytest.raises(CatalogueError, match="two entries have the name 'tiny'"):
        read_catalogue(ENTRY + ENTRY, "here")


@pytest.mark.parametrize("other", ["a.bin", "A.BIN", "a.bin/b"])
def test_no_two_files_get_in_each_others_way(other: str) -> None:
    files = ENTRY.replace("}]", f'}}, {{path = "{other}", size = 1, sha256 = "{"0" * 64}", url = "https://e.org/b"}}]')
    with pytest.raises(CatalogueError, match="files: two"):
        read_catalogue(files, "here")


@pytest.mark.parametrize("text", ["[[model]", "model = 1", "[[modell]]\nname = 'a'", "[models.tiny]"])
def test_what_is_no_catalogue_is_said_so(text: str) -> None:
    with pytest.raises(CatalogueError, match=r"^here"):
        read_catalogue(text, "here")


def test_the_built_in_catalogue_names_revisions_and_licences() -> None:
    models = catalogue(Settings())
    assert models
    for model in models.values():
        assert model.licence
        assert model.source.startswith("https://")
        for file in model.files:
            assert file.url is not None
            assert re.search(r"/[0-9a-f]{40}/", file.url), "an address whose content may change"
            assert file.url.endswith("/" + file.path)
