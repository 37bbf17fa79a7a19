"""What every store of media does, wherever it keeps the files."""

from __future__ import annotations

import asyncio
import os
import string
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.core.errors import NotFound, Unavailable
from dragoman.core.jobs import MediaStore
from dragoman.store.database import StoreError
from dragoman.store.media import FolderMedia, ObjectMedia, media_store

pytestmark = pytest.mark.contract


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture(params=["folder", "memory", "file"])
def another(request: pytest.FixtureRequest, tmp_path: Path, folder: Path, clock: Clock) -> Callable[[], MediaStore]:
    """Makes stores over the same content, as two server processes have them."""
    if request.param == "folder":
        return lambda: FolderMedia(folder, clock=clock)
    if request.param == "memory":
        return lambda: ObjectMedia(f"memory://{tmp_path.name}/media", folder, clock=clock)
    (tmp_path / "objects").mkdir()
    return lambda: ObjectMedia((tmp_path / "objects").as_uri(), folder, clock=clock)


@pytest.fixture
async def store(another: Callable[[], MediaStore]) -> AsyncIterator[MediaStore]:
    opened = another()
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
async def second(another: Callable[[], MediaStore], store: MediaStore) -> AsyncIterator[MediaStore]:
    opened = another()
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
def upload(tmp_path: Path) -> Callable[[bytes], Path]:
    def make(content: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return make


async def names(store: MediaStore, older_than_s: float = 0) -> list[str]:
    return sorted([name async for name in store.names(older_than_s)])


async def test_what_was_kept_is_there_for_every_process(
    store: MediaStore, second: MediaStore, upload: Callable[[bytes], Path]
) -> None:
    name = await store.keep(upload(b"RIFF" * 100_000))
    async with second.local(name) as path:
        assert path.read_bytes() == b"RIFF" * 100_000


async def test_a_file_is_taken_over(store: MediaStore, upload: Callable[[bytes], Path]) -> None:
    path = upload(b"one")
    await store.keep(path)
    assert not path.exists()


async def test_files_with_the_same_content_are_kept_apart(store: MediaStore, upload: Callable[[bytes], Path]) -> None:
    one, other = await store.keep(upload(b"same")), await store.keep(upload(b"same"))
    await store.remove(one)
    with pytest.raises(NotFound):
        async with store.local(one):
            pass
    async with store.local(other) as path:
        assert path.read_bytes() == b"same"


async def test_what_is_kept_is_for_this_user_only(
    store: MediaStore, folder: Path, upload: Callable[[bytes], Path]
) -> None:
    path = upload(b"secret")
    path.chmod(0o644)
    async with store.local(await store.keep(path)) as local:
        assert local.stat().st_mode & 0o077 == 0
        assert folder in local.parents
    assert folder.stat().st_mode & 0o077 == 0


async def test_removal_leaves_nothing_and_may_be_done_twice(
    store: MediaStore, second: MediaStore, upload: Callable[[bytes], Path]
) -> None:
    name = await store.keep(upload(b"one"))
    await store.remove(name)
    await second.remove(name)
    assert await names(store) == []


async def test_reading_leaves_nothing_behind(store: MediaStore, folder: Path, upload: Callable[[bytes], Path]) -> None:
    name = await store.keep(upload(b"one"))
    before = sorted(folder.iterdir())
    async with store.local(name), store.local(name):
        pass
    with pytest.raises(KeyError):
        async with store.local(name):
            raise KeyError
    with pytest.raises(NotFound):
        async with store.local("0" * 33):
            pass
    assert sorted(folder.iterdir()) == before


async def test_names_tell_what_was_kept_longer_ago(
    store: MediaStore, second: MediaStore, clock: Clock, upload: Callable[[bytes], Path]
) -> None:
    assert await names(store) == []
    old = await store.keep(upload(b"old"))
    clock.now_s += 60
    new = await second.keep(upload(b"new"))
    assert await names(second, 0) == sorted([old, new])
    assert await names(store, 30) == [old]
    assert await names(store, 61) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.one_of(
        st.sampled_from(
            ["", ".", "..", "/etc/passwd", "dragoman-media", "a/../b", "C:\\x", "file:///etc/passwd", "\x00"]
        ),
        st.text(string.hexdigits + "./\\\x00*:", max_size=40),
        st.text(max_size=5).map(lambda end: "0" * 33 + end).filter(lambda name: len(name) > 33),
    )
)
def test_only_names_that_were_given_lead_anywhere(another: Callable[[], MediaStore], folder: Path, name: str) -> None:
    async def attempt() -> None:
        store = another()
        await store.open()
        before = sorted(folder.iterdir())
        await store.remove(name)
        with pytest.raises(NotFound):
            async with store.local(name):
                pass
        assert sorted(folder.iterdir()) == before
        await store.aclose()

    asyncio.run(attempt())


async def test_other_files_beside_are_left_alone(
    store: MediaStore, folder: Path, upload: Callable[[bytes], Path]
) -> None:
    (folder / "dragoman-spool-x").mkdir()
    (folder / "notes.txt").write_text("mine")
    name = await store.keep(upload(b"one"))
    assert await names(store) == [name]


async def test_a_file_that_is_not_there_cannot_be_kept_and_leaves_nothing(store: MediaStore, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await store.keep(tmp_path / "never")
    assert await names(store) == []


async def test_there_is_as_much_room_as_on_the_disk(store: MediaStore, tmp_path: Path) -> None:
    free = await store.free_bytes()
    here = os.statvfs(tmp_path)
    assert free is not None
    assert free == pytest.approx(here.f_bavail * here.f_frsize, rel=0.05)


async def test_a_folder_that_cannot_be_made_is_named_at_the_start(
    another: Callable[[], MediaStore], folder: Path
) -> None:
    folder.write_text("a file")
    store = another()
    with pytest.raises(StoreError, match="media_url"):
        await store.open()
    await store.aclose()


async def test_while_everything_is_away_nothing_is_missing(
    store: MediaStore, folder: Path, tmp_path: Path, upload: Callable[[bytes], Path]
) -> None:
    """A disk that is not mounted, or a bucket that is gone: another try, and no verdict on the job."""
    if isinstance(store, ObjectMedia) and not (tmp_path / "objects").exists():
        pytest.skip("memory does not go away")
    place = folder if isinstance(store, FolderMedia) else tmp_path / "objects"
    name = await store.keep(upload(b"one"))
    place.rename(tmp_path / "away")
    for gone in (True, False):  # no folder, and the empty one below which the disk was mounted
        with pytest.raises(Unavailable):
            async with store.local(name):
                pass
        if gone or isinstance(store, FolderMedia):
            with pytest.raises(Unavailable):
                await store.keep(upload(b"two"))
        if gone:
            place.mkdir()
    place.rmdir()
    (tmp_path / "away").rename(place)
    async with store.local(name) as path:
        assert path.read_bytes() == b"one"


def test_the_setting_chooses_the_store(tmp_path: Path) -> None:
    assert isinstance(media_store(None, tmp_path), FolderMedia)
    assert isinstance(media_store(tmp_path.as_uri(), tmp_path), FolderMedia)
    assert isinstance(media_store("memory://bucket/folder", tmp_path), ObjectMedia)


async def test_what_is_wrong_with_the_setting_is_said_without_its_secrets(tmp_path: Path) -> None:
    for url in ("no-such-protocol://user:hidden@host/x", "zip://hidden::nonsense"):
        store = media_store(url, tmp_path)
        with pytest.raises(StoreError, match="media_url") as refused:
            await store.open()
        assert "hidden" not in str(refused.value)
        await store.aclose()


async def test_a_closed_store_of_objects_says_try_later(tmp_path: Path) -> None:
    store = media_store("memory://closed", tmp_path)
    with pytest.raises(Unavailable):
        await store.keep(tmp_path)
