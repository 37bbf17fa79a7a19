"""Files of clients: below the root and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.core.errors import InvalidField
from dragoman.store.objects import ObjectFolder

pytestmark = pytest.mark.unit


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "tables" / "deep").mkdir(parents=True)
    (folder / "tables" / "a.txt").write_bytes(b"12345")
    (folder / "tables" / "deep" / "b with space.txt").write_bytes(b"deep")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "root-beside" / "c.txt").write_bytes(b"beside")
    return folder


async def test_bucket_and_key_are_folders_below_the_root(root: Path) -> None:
    objects = ObjectFolder(root.as_uri())
    assert await objects.read("s3://tables/a.txt", 5) == b"12345"
    assert await objects.read("s3://tables/deep/b with space.txt", 5) == b"deep"


async def test_other_file_systems_are_opened_by_their_url() -> None:
    import fsspec

    with fsspec.open("memory://company/tables/a.txt", "wb") as file:
        file.write(b"12345")
    assert await ObjectFolder("memory://company").read("s3://tables/a.txt", 5) == b"12345"


async def test_without_an_object_store_nothing_is_read() -> None:
    with pytest.raises(InvalidField, match="object_store_url"):
        await ObjectFolder(None).read("s3://tables/a.txt", 5)


async def test_a_file_that_is_too_large_is_refused(root: Path) -> None:
    with pytest.raises(InvalidField, match="larger than the 4 bytes"):
        await ObjectFolder(root.as_uri()).read("s3://tables/a.txt", 4)


@pytest.mark.parametrize("uri", ["s3://tables/none.txt", "s3://tables/deep", "s3://none/a.txt", "s3://tables/a.txt/b"])
async def test_what_is_not_there_is_named(root: Path, uri: str) -> None:
    with pytest.raises(InvalidField, match="There is no file"):
        await ObjectFolder(root.as_uri()).read(uri, 5)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://tables/../../secret.txt",
        "s3://tables/deep/../../../secret.txt",
        "s3://../secret.txt",
        "s3://tables/..",
        "s3://tables//a.txt",
        "s3:///tables/a.txt",
        "s3://tables/./a.txt",
        "s3://tables/..\\..\\secret.txt",
        "s3://tables/a.txt\x00",
        "s3://tables/*",
        "s3://tables/",
        "s3://tables",
        "s3://",
        "file:///etc/passwd",
        "/etc/passwd",
        "https://example.com/a.txt",
        "simplecache::s3://tables/a.txt",
        "s3://tables/zip://x::file:///etc/passwd",
        "",
    ],
)
async def test_nothing_outside_can_be_named(root: Path, uri: str) -> None:
    with pytest.raises(InvalidField):
        await ObjectFolder(root.as_uri()).read(uri, 1_000)


async def test_an_escaped_way_up_is_a_name_like_any_other(root: Path) -> None:
    with pytest.raises(InvalidField, match="There is no file"):
        await ObjectFolder(root.as_uri()).read("s3://tables/%2e%2e/%2e%2e/secret.txt", 1_000)


@pytest.mark.parametrize("target", ["secret.txt", "root-beside/c.txt"])
async def test_a_link_does_not_lead_out(root: Path, target: str) -> None:
    (root / "tables" / "link.txt").symlink_to(root.parent / target)
    with pytest.raises(InvalidField, match="leads out"):
        await ObjectFolder(root.as_uri()).read("s3://tables/link.txt", 1_000)


async def test_a_root_behind_a_link_is_the_root(root: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(root)
    assert await ObjectFolder((tmp_path / "linked").as_uri()).read("s3://tables/a.txt", 5) == b"12345"


async def test_a_file_system_that_is_not_installed_is_named() -> None:
    with pytest.raises(InvalidField, match="cannot be opened"):
        await ObjectFolder("no-such-protocol://x").read("s3://tables/a.txt", 5)
