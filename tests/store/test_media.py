"""Media on disks that are full, or others than that of the upload."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dragoman.core.errors import StorageFull
from dragoman.store.media import FolderMedia, ObjectMedia

pytestmark = [pytest.mark.unit, pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root mounts")]


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("may not mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk") as folder:
        yield folder


@pytest.fixture(params=["folder", "objects"])
async def store(request: pytest.FixtureRequest, disk: Path, tmp_path: Path) -> AsyncIterator[FolderMedia | ObjectMedia]:
    """Keeps its files on the small disk."""
    (disk / "kept").mkdir()
    made = (
        FolderMedia(disk / "kept")
        if request.param == "folder"
        else ObjectMedia((disk / "kept").as_uri(), tmp_path / "copies")
    )
    await made.open()
    yield made
    await made.aclose()


async def names(store: FolderMedia | ObjectMedia) -> list[str]:
    return [name async for name in store.names(0)]


async def test_an_upload_on_another_disk_is_taken_over(store: FolderMedia | ObjectMedia, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(b"RIFF" * 1_000)
    name = await store.keep(upload)
    assert not upload.exists()
    assert (store_folder := tmp_path / "disk" / "kept").stat().st_dev != tmp_path.stat().st_dev
    assert {path.name for path in store_folder.iterdir()} >= {name}
    async with store.local(name) as path:
        assert path.read_bytes() == b"RIFF" * 1_000
        assert path.stat().st_mode & 0o077 == 0


async def test_a_full_disk_is_told_and_nothing_is_left_on_it(
    store: FolderMedia | ObjectMedia, disk: Path, tmp_path: Path
) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(3_000_000))
    before = os.statvfs(disk).f_bfree
    for _ in range(3):
        with pytest.raises(StorageFull):
            await store.keep(upload)
    assert upload.exists()
    assert await names(store) == []
    assert os.statvfs(disk).f_bfree == before
    upload.write_bytes(bytes(1_000_000))
    name = await store.keep(upload)
    assert await names(store) == [name]


async def test_a_full_disk_for_copies_is_told_and_nothing_is_left_on_it(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    store = ObjectMedia((tmp_path / "objects").as_uri(), disk / "copies")
    await store.open()
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(3_000_000))
    name = await store.keep(upload)
    before = sorted((disk / "copies").iterdir())
    with pytest.raises(StorageFull):
        async with store.local(name):
            pass
    assert sorted((disk / "copies").iterdir()) == before
    await store.aclose()
