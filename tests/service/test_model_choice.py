"""Laws of choosing a model for a language."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import UnknownModel, UnsupportedLanguage
from dragoman.core.models import Model, ModelEngine, ModelFile, ModelTask
from dragoman.service.model_choice import ModelWish, candidates, choose, contested

pytestmark = pytest.mark.unit

LANGUAGES = ("de", "en", "fr")


def model(name: str, *languages: str, engine: ModelEngine = ModelEngine.WHISPER, size: int = 1) -> Model:
    return Model(name, ModelTask.RECOGNITION, engine, (ModelFile("a", size, "0" * 64),), languages)


installations = st.lists(
    st.builds(
        lambda name, languages, engine: model(name, *languages, engine=engine),
        st.sampled_from("abcdef"),
        st.lists(st.sampled_from(LANGUAGES), unique=True),
        st.sampled_from([ModelEngine.WHISPER, ModelEngine.SHERPA]),
    ),
    unique_by=lambda each: each.name,
)
engines = st.sampled_from([None, ModelEngine.WHISPER, ModelEngine.SHERPA])


@given(installations, engines, st.sampled_from(LANGUAGES))
def test_a_language_has_one_model_or_a_clear_error(
    installed: Sequence[Model], engine: ModelEngine | None, language: str
) -> None:
    wish = ModelWish("p", engine)
    able = [each.name for each in installed if language in each.languages and engine in (None, each.engine)]
    assert contested(wish, installed).get(language, []) == (able if len(able) > 1 else [])
    if len(able) == 1:
        assert choose(wish, language, installed, {}).name == able[0]
        return
    with pytest.raises(UnsupportedLanguage) as error:
        choose(wish, language, installed, {})
    assert all(name in error.value.message for name in (*able, language))


@given(st.data(), installations, st.sampled_from(LANGUAGES))
def test_a_profile_says_which_of_several_comes_first(
    data: st.DataObject, installed: Sequence[Model], language: str
) -> None:
    if not installed:
        return
    names = data.draw(st.lists(st.sampled_from([each.name for each in installed]), min_size=1, unique=True))
    wish = ModelWish("p", None, tuple(names))
    by_name = {each.name: each for each in installed}
    able = [name for name in names if language in by_name[name].languages]
    assert contested(wish, installed) == {}
    if able:
        assert choose(wish, language, installed, {}).name == able[0]
    else:
        with pytest.raises(UnsupportedLanguage):
            choose(wish, language, installed, {})
    assert choose(wish, None, installed, {}).name == names[0]


def test_without_a_language_the_only_model_serves() -> None:
    assert choose(ModelWish("p"), None, [model("a", "en")], {}).name == "a"
    with pytest.raises(UnsupportedLanguage, match="a and b claim every language"):
        choose(ModelWish("p"), None, [model("a", "en"), model("b", "de")], {})


def test_a_language_without_a_model_says_what_to_install_the_smallest_first() -> None:
    catalogue = {
        each.name: each for each in (model("big", "de", size=9), model("small", "de"), model("english", "en"))
    } | {"other": model("other", "de", engine=ModelEngine.SHERPA)}
    with pytest.raises(UnsupportedLanguage) as error:
        choose(ModelWish("p", ModelEngine.WHISPER), "de", [], catalogue)
    assert "`dragoman models pull small` or `dragoman models pull big`" in error.value.message
    assert "english" not in error.value.message
    assert "other" not in error.value.message


def test_a_language_that_the_catalogue_lacks_says_so() -> None:
    with pytest.raises(UnsupportedLanguage, match="dragoman models add NAME --path FOLDER"):
        choose(ModelWish("p"), "fr", [], {"small": model("small", "de")})


def test_a_profile_cannot_name_what_is_not_there_or_does_not_fit() -> None:
    tagger = Model("tagger", ModelTask.AUDIO_TAGGING, ModelEngine.SHERPA, (ModelFile("a", 1, "0" * 64),))
    for name in ("missing", "tagger", "whispered"):
        with pytest.raises(UnknownModel, match=name):
            candidates(ModelWish("p", ModelEngine.SHERPA, (name,)), [tagger, model("whispered", "en")])
