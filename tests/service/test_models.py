"""Laws of installing models: a model is there and right, or it is not there."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dragoman.core.models import InstalledModel, Model, ModelEngine, ModelFile, ModelTask
from dragoman.service.folder_lock import locked
from dragoman.service.model_catalogue import MANIFEST
from dragoman.service.model_folder import DamagedModel, ModelFolder
from dragoman.service.models import Description, Models, ModelsError, Watcher
from dragoman.transport.download import fetch
from file_server import FileServer, serving

pytestmark = pytest.mark.unit

CONTENT = {"model.bin": random.Random(1).randbytes(200_000), "words/tokens.txt": b"a\nb\n", "empty": b""}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(dict(CONTENT)) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


def entry(server: FileServer | None, content: Mapping[str, bytes] = CONTENT, licence: str = "MIT") -> Model:
    files = tuple(
        ModelFile(path, len(data), hashlib.sha256(data).hexdigest(), server and server.url(path))
        for path, data in content.items()
    )
    return Model("tiny", ModelTask.RECOGNITION, ModelEngine.WHISPER, files, ("en",), "", licence, "https://example.org")


def models(root: Path, *known: Model, offline: bool = False, keep_free: int = 0) -> Models:
    catalogue = {model.name: model for model in known}
    return Models(ModelFolder(root), catalogue, None if offline else fetch, keep_free_bytes=keep_free)


def brought(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    for path, data in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def is_whole(root: Path) -> bool:
    there = {path: (root / "tiny" / path).read_bytes() for path in CONTENT}
    return there == CONTENT and isinstance(ModelFolder(root).model("tiny"), InstalledModel)


def visible(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if not path.name.startswith(".")] if root.exists() else []


def staged(root: Path) -> list[Path]:
    return [path for path in root.rglob(".partial/**/*") if path.is_file()]


def test_a_pulled_model_is_whole_and_leaves_nothing_beside_it(server: FileServer, root: Path) -> None:
    seen: list[tuple[int, int]] = []
    known = models(root, entry(server))
    assert known.pull("tiny", Watcher(lambda done, size: seen.append((done, size))))
    assert is_whole(root)
    assert known.verify("tiny") == []
    assert seen[-1] == (entry(server).size,) * 2
    assert seen == sorted(seen)
    assert staged(root) == []
    assert ModelFolder(root).models() == [InstalledModel(entry(server), root / "tiny")]


def test_what_is_whole_is_not_fetched_again_even_from_another_address(server: FileServer, root: Path) -> None:
    models(root, entry(server)).pull("tiny")
    server.asked.clear()
    moved = entry(None, licence="Apache-2.0")
    assert not models(root, moved, offline=True).pull("tiny")
    assert server.asked == []
    assert ModelFolder(root).models() == [InstalledModel(moved, root / "tiny")]


@pytest.mark.parametrize("damage", ["missing", "longer", "changed", "manifest", "no manifest"])
def test_damage_is_found_and_mended(server: FileServer, root: Path, damage: str) -> None:
    known = models(root, entry(server))
    known.pull("tiny")
    path = root / "tiny" / ("model.bin" if "manifest" not in damage else MANIFEST)
    match damage:
        case "missing" | "no manifest":
            path.unlink()
        case "longer":
            path.write_bytes(path.read_bytes() + b"x")
        case "changed":
            path.write_bytes(CONTENT["model.bin"][::-1])
        case "manifest":
            path.write_text("{")
    (fault,) = known.verify("tiny")
    assert path.name in fault
    assert known.remedy("tiny") == "dragoman models pull tiny"
    if damage != "changed":
        assert isinstance(ModelFolder(root).model("tiny"), DamagedModel)
    assert known.pull("tiny")
    assert is_whole(root)


def test_a_foreign_file_is_said(server: FileServer, root: Path) -> None:
    known = models(root, entry(server))
    known.pull("tiny")
    (root / "tiny" / "virus.exe").touch()
    assert known.verify("tiny") == ["virus.exe does not belong to it"]


def test_a_break_installs_nothing_and_the_next_pull_goes_on(server: FileServer, root: Path) -> None:
    known = models(root, entry(server))
    server.break_after = 50_000
    with pytest.raises(ModelsError, match="goes on"):
        known.pull("tiny")
    assert visible(root) == []
    server.break_after = None
    known.pull("tiny")
    assert is_whole(root)
    assert [asked.range for asked in server.asked if asked.path == "model.bin"] == [None, "bytes=50000-"]


def test_an_interruption_installs_nothing_and_the_next_pull_goes_on(server: FileServer, root: Path) -> None:
    known = models(root, entry(server))

    def interrupted(done: int, size: int) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        known.pull("tiny", Watcher(interrupted))
    assert visible(root) == []
    known.pull("tiny")
    assert is_whole(root)
    assert server.asked[1].range is not None


def test_a_wrong_checksum_leaves_an_older_model_in_place(server: FileServer, root: Path) -> None:
    models(root, entry(server)).pull("tiny")
    newer = {**CONTENT, "model.bin": CONTENT["model.bin"][::-1]}
    with pytest.raises(ModelsError, match=r"tiny: model\.bin does not have the checksum"):
        models(root, entry(server, newer)).pull("tiny")
    assert is_whole(root)


def test_a_newer_entry_replaces_an_older_model(server: FileServer, root: Path) -> None:
    models(root, entry(server)).pull("tiny")
    newer = {"other.bin": b"new"}
    server.files |= newer
    assert models(root, entry(server, newer)).pull("tiny")
    assert sorted(path.name for path in (root / "tiny").iterdir()) == [MANIFEST, "other.bin"]


def test_a_disk_without_room_is_said_before_anything_is_fetched(server: FileServer, root: Path) -> None:
    with pytest.raises(ModelsError, match=r"tiny needs 0 MB more.*min_free_disk_mb"):
        models(root, entry(server), keep_free=2**60).pull("tiny")
    assert server.asked == []
    assert visible(root) == []


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_given_back_what_came(server: FileServer, root: Path, kind: int) -> None:
    def full(done: int, size: int) -> None:
        if done > 100_000:
            raise OSError(kind, os.strerror(kind))

    with pytest.raises(ModelsError, match=r"is full .*models_dir"):
        models(root, entry(server)).pull("tiny", Watcher(full))
    assert visible(root) == []
    assert staged(root) == []


def test_offline_nothing_is_fetched_and_the_way_out_is_said(server: FileServer, root: Path) -> None:
    with pytest.raises(ModelsError, match="dragoman models add tiny --path FOLDER"):
        models(root, entry(server), offline=True).pull("tiny")
    assert server.asked == []


def test_a_model_that_the_catalogue_lacks_is_said(root: Path) -> None:
    with pytest.raises(ModelsError, match="no model 'teeny' in the catalogue, which has tiny"):
        models(root, entry(None)).pull("teeny")


def test_a_brought_model_is_checked_against_the_catalogue_and_taken_without_the_rest(
    root: Path, tmp_path: Path
) -> None:
    folder = brought(tmp_path / "stick", {**CONTENT, "README.md": b"hello"})
    models(root, entry(None), offline=True).add("tiny", folder)
    assert is_whole(root)
    assert not (root / "tiny" / "README.md").exists()


def test_a_brought_model_outlives_its_folder(root: Path, tmp_path: Path) -> None:
    folder = brought(tmp_path / "stick")
    known = models(root, entry(None))
    known.add("tiny", folder)
    for path in CONTENT:
        (folder / path).unlink()
    assert known.verify("tiny") == []


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("model.bin", None, r"model\.bin is missing"),
        ("model.bin", b"short", r"model\.bin has 5 bytes and should have 200,000"),
        ("words/tokens.txt", b"b\na\n", r"words/tokens\.txt does not have the checksum"),
    ],
)
def test_a_brought_model_with_a_wrong_file_is_not_installed(
    root: Path, tmp_path: Path, path: str, data: bytes | None, said: str
) -> None:
    folder = brought(tmp_path / "stick")
    (folder / path).unlink()
    if data is not None:
        (folder / path).write_bytes(data)
    with pytest.raises(ModelsError, match=said):
        models(root, entry(None)).add("tiny", folder)
    assert visible(root) == []
    assert staged(root) == []


def test_a_model_of_ones_own_is_described_by_its_owner(root: Path, tmp_path: Path) -> None:
    folder = brought(tmp_path / "trained", {**CONTENT, ".cache/junk": b"x", ".hidden": b"x"})
    described = Description(ModelTask.RECOGNITION, ModelEngine.SHERPA, ("de",), "nemo_transducer")
    installed = models(root).add("ours", folder, described)
    assert {file.path for file in installed.model.files} == set(CONTENT)
    assert ModelFolder(root).models() == [installed]
    assert models(root).verify("ours") == []
    assert (installed.model.engine, installed.model.languages) == (ModelEngine.SHERPA, ("de",))


MOONSHINE = {"encoder_model.ort": b"e", "decoder_model_merged.ort": b"d", "tokenizer.bin": b"t"}
STREAMING = {name: b"x" for name in ("encoder.ort", "adapter.ort", "cross_kv.ort", "decoder_kv.ort", "tokenizer.bin")}
STREAMING |= {"streaming_config.json": b"{}", "frontend.model.ort": b"x", "frontend.weights.ort": b"x"}


@pytest.mark.parametrize(
    ("files", "folder", "language", "kind"),
    [
        (MOONSHINE, "base-es/quantized/base-es", "es", ""),
        (MOONSHINE, "sherpa-moonshine-tiny-ko-2026", "ko", ""),
        (STREAMING, "small-streaming-en/quantized", "en", "streaming"),
    ],
)
def test_files_and_folders_of_moonshine_tell_engine_kind_and_language(
    root: Path, tmp_path: Path, files: dict[str, bytes], folder: str, language: str, kind: str
) -> None:
    source = brought(tmp_path / folder, {**files, "decoder_with_attention.ort": b"w", "LICENSE": b"l"})
    model = models(root).add("ours", source).model
    assert (model.engine, model.kind, model.languages) == (ModelEngine.MOONSHINE, kind, (language,))
    assert {file.path for file in model.files} == {*files, "LICENSE"}
    described = Description(languages=("de",))
    assert models(root).add("ours", source, described).model.languages == ("de",)


@pytest.mark.parametrize(
    ("files", "change", "described", "said"),
    [
        (MOONSHINE, {"tokenizer.bin": None}, None, "tokenizer.bin is missing"),
        (MOONSHINE, {"decoder_model_merged.ort": b""}, None, "decoder_model_merged.ort .* is empty"),
        (STREAMING, {"frontend.weights.ort": None, "adapter.ort": None}, None, "adapter.ort, frontend.weights.ort"),
        (MOONSHINE, {}, None, "--language"),
        ({"model.bin": b"m"}, {}, Description(engine=ModelEngine.MOONSHINE, languages=("en",)), "holds no model for"),
    ],
)
def test_a_moonshine_folder_that_does_not_do_is_said(
    root: Path,
    tmp_path: Path,
    files: dict[str, bytes],
    change: dict[str, bytes | None],
    described: Description | None,
    said: str,
) -> None:
    content = {name: data for name, data in {**files, **change}.items() if data is not None}
    with pytest.raises(ModelsError, match=said):
        models(root).add("ours", brought(tmp_path / "brought", content), described)
    assert visible(root) == []
    assert staged(root) == []


@pytest.mark.parametrize(
    ("name", "described", "said"),
    [
        ("ours", None, "say which engine"),
        ("ours", Description(engine=None, languages=("de",)), "say which engine"),
        ("ours", Description(engine=ModelEngine.SHERPA), "at least one language"),
        ("tiny", Description(engine=ModelEngine.SHERPA, languages=("de",)), "described in the catalogue"),
        ("Ours", Description(engine=ModelEngine.SHERPA, languages=("de",)), "name"),
        ("../ours", Description(engine=ModelEngine.SHERPA, languages=("de",)), "name"),
    ],
)
def test_a_description_that_does_not_do_is_said(
    root: Path, tmp_path: Path, name: str, described: Description | None, said: str
) -> None:
    with pytest.raises(ModelsError, match=said):
        models(root, entry(None)).add(name, brought(tmp_path / "trained"), described)
    assert visible(root) == []


def test_links_are_followed_inside_the_folder_and_not_out_of_it(root: Path, tmp_path: Path) -> None:
    folder = brought(tmp_path / "cache")
    (folder / "blob").write_bytes(CONTENT["model.bin"])
    (folder / "model.bin").unlink()
    (folder / "model.bin").symlink_to("blob")
    models(root, entry(None)).add("tiny", folder)
    assert is_whole(root)
    assert not (root / "tiny" / "model.bin").is_symlink()

    outside = tmp_path / "secret"
    outside.write_bytes(CONTENT["model.bin"])
    (folder / "model.bin").unlink()
    (folder / "model.bin").symlink_to(outside)
    described = Description(engine=ModelEngine.WHISPER, languages=("de",))
    for name, description in (("tiny", None), ("ours", described)):
        with pytest.raises(ModelsError, match=r"model\.bin is a link that leads out"):
            models(root, entry(None)).add(name, folder, description)
    assert visible(root) == ["tiny"]


def test_a_linked_folder_is_no_file(root: Path, tmp_path: Path) -> None:
    folder = brought(tmp_path / "trained")
    (folder / "more").symlink_to("words")
    with pytest.raises(ModelsError, match="more is not a file"):
        models(root).add("ours", folder, Description(engine=ModelEngine.WHISPER, languages=("de",)))


def test_a_removed_model_is_gone_damaged_or_not(server: FileServer, root: Path) -> None:
    known = models(root, entry(server))
    for damaged in (False, True):
        known.pull("tiny")
        if damaged:
            (root / "tiny" / MANIFEST).unlink()
        known.remove("tiny")
        assert ModelFolder(root).models() == []
        assert not list(root.rglob("model.bin"))


@pytest.mark.parametrize("name", ["tiny", "..", ".", ".locks", "a/b", ""])
def test_only_installed_models_are_removed_or_verified(root: Path, name: str) -> None:
    (root / ".locks").mkdir(parents=True)
    for act in (models(root).remove, models(root).verify):
        with pytest.raises(ModelsError, match="there is no model"):
            act(name)
    assert root.exists()


def test_a_model_whose_replacement_was_cut_short_comes_back(server: FileServer, root: Path) -> None:
    known = models(root, entry(server))
    known.pull("tiny")
    (root / ".replaced").mkdir(exist_ok=True)
    (root / "tiny").rename(root / ".replaced" / "tiny")  # as a process leaves it that dies between two renames
    assert not known.pull("tiny")
    assert is_whole(root)


def test_a_model_whose_removal_was_cut_short_does_not_come_back(server: FileServer, root: Path) -> None:
    class Killed(BaseException):
        pass

    def killed(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "shutil.rmtree" and (root / ".removed" / "tiny").exists():
            watching.clear()
            raise Killed

    watching: list[bool] = []
    sys.addaudithook(killed)  # stays, and does nothing any more
    known = models(root, entry(server), offline=True)
    models(root, entry(server)).pull("tiny")
    watching.append(True)
    with pytest.raises(Killed):
        known.remove("tiny")
    assert list((root / ".removed").rglob("model.bin"))
    with pytest.raises(ModelsError, match="offline"):
        known.pull("tiny")
    assert ModelFolder(root).models() == []


def test_files_on_the_same_disk_are_linked_and_need_no_room(root: Path, tmp_path: Path) -> None:
    root.mkdir()
    folder = brought(tmp_path / "here")
    models(root, entry(None), keep_free=2**60).add("tiny", folder)
    assert (root / "tiny" / "model.bin").samefile(folder / "model.bin")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system")
def test_files_on_another_disk_are_copied_and_need_room(root: Path) -> None:
    with TemporaryDirectory(dir="/dev/shm") as elsewhere:
        brought(Path(elsewhere))
        with pytest.raises(ModelsError, match="min_free_disk_mb"):
            models(root, entry(None), keep_free=2**60).add("tiny", Path(elsewhere))
        assert visible(root) == []
        models(root, entry(None)).add("tiny", Path(elsewhere))
    assert is_whole(root)


def test_a_lock_is_one_s_own_and_waiting_is_said(tmp_path: Path) -> None:
    waited: list[str] = []

    def told() -> None:
        waited.append("told")
        raise KeyboardInterrupt  # as somebody who does not want to wait

    with locked(tmp_path / "lock"), pytest.raises(KeyboardInterrupt), locked(tmp_path / "lock", told):
        pytest.fail("two have it")
    with locked(tmp_path / "lock", told):
        assert waited == ["told"]
