"""Writes an entry of a model catalogue, from the files themselves.

    PYTHONPATH=src python tools/catalogue.py --name whisper-small --engine whisper --language en --language de \\
        --licence MIT --source https://huggingface.co/Systran/faster-whisper-small URL...

Every file is downloaded, to be measured, and thrown away; with ``--folder`` the files are those of a folder, where each
has the name, or with ``--below`` the path, that ends its address. The entry goes to standard output, for
src/dragoman/server/data/models.toml or for a file of the setting ``models_catalogue``.

An address should name a revision, as in https://huggingface.co/OWNER/NAME/resolve/REVISION/model.bin: where the content
can change, the checksum will be wrong one day.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from dragoman.core.models import ModelEngine, ModelTask
from dragoman.service.download import DownloadFailed
from dragoman.service.model_catalogue import CatalogueError, read_catalogue
from dragoman.transport.download import fetch

PINNED = re.compile(r"/[0-9a-f]{40}/|/v?\d+\.\d+[^/]*/")
BLOCK = 2**20


def main() -> int:
    given = arguments()
    entry = [
        "[[model]]",
        f"name = {json.dumps(given.name)}",
        f"task = {json.dumps(given.task)}",
        f"engine = {json.dumps(given.engine)}",
        *([f"kind = {json.dumps(given.kind)}"] if given.kind else []),
        f"languages = {json.dumps(given.language)}",
        f"licence = {json.dumps(given.licence)}",
        f"source = {json.dumps(given.source)}",
    ]
    try:
        for url in given.urls:
            if not PINNED.search(url):
                print(f"{url} names no revision; what is behind it may change", file=sys.stderr)
            path = path_of(url, given.below)
            size, digest = measure(pieces(url, given.folder and given.folder / path))
            entry += ["", "[[model.files]]", f"path = {json.dumps(path)}", f"size = {size}"]
            entry += [f"sha256 = {json.dumps(digest)}", f"url = {json.dumps(url)}"]
        text = "\n".join(entry) + "\n"
        read_catalogue(text, "this entry")
    except (DownloadFailed, CatalogueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(text, end="")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write an entry of a model catalogue.")
    parser.add_argument("urls", nargs="+", metavar="URL", help="of each file")
    parser.add_argument("--name", required=True)
    parser.add_argument("--engine", required=True, choices=[each.value for each in ModelEngine])
    parser.add_argument("--task", default="recognition", choices=[each.value for each in ModelTask])
    parser.add_argument("--language", action="append", default=[], help="of ISO 639-1, as often as there are")
    parser.add_argument("--kind", help="where the engine knows several")
    parser.add_argument("--licence", required=True)
    parser.add_argument("--source", required=True, help="the page that describes the model")
    parser.add_argument("--folder", type=Path, help="measure the files in this folder instead of downloading them")
    parser.add_argument("--below", default="", metavar="URL", help="what comes after this address is the file's path")
    return parser.parse_args()


def path_of(url: str, below: str) -> str:
    if below and url.startswith(below):
        return unquote(url.removeprefix(below)).strip("/")
    return PurePosixPath(unquote(urlsplit(url).path)).name


def pieces(url: str, path: Path | None) -> Iterator[bytes]:
    if path is None:
        with fetch(url) as download:
            yield from download.pieces
    else:
        with path.open("rb") as file:
            while piece := file.read(BLOCK):
                yield piece


def measure(pieces: Iterable[bytes]) -> tuple[int, str]:
    """Bytes, and their checksum."""
    size, digest = 0, hashlib.sha256()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
