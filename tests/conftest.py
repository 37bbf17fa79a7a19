"""What every test stands on: the category rule, the leak check, and where real recordings are."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CATEGORIES = frozenset({"unit", "contract", "golden", "model", "client", "browser", "realtime", "audio", "ffmpeg"})
REPOSITORY = Path(__file__).parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Tests that were started in the background would start programs that no Ctrl-C reaches.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# That the machine has other things to do is no fault of a test.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test has exactly one category, the same for its whole module, so that each runs in exactly one command."""
    seen: dict[Path, set[frozenset[str]]] = defaultdict(set)
    for item in items:
        seen[item.path].add(frozenset(mark.name for mark in item.iter_markers()) & CATEGORIES)
    wrong = [path for path, marks in seen.items() if len(marks) != 1 or len(next(iter(marks))) != 1]
    if wrong:
        names = "\n".join(f"  {path.relative_to(REPOSITORY)}" for path in sorted(wrong))
        raise pytest.UsageError(
            f"these modules need `pytestmark = pytest.mark.<category>` with exactly one of "
            f"{', '.join(sorted(CATEGORIES))}:\n{names}"
        )


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What servers keep by default goes into a folder of the tests, also in processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("state")
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.setenv("LOCALAPPDATA", str(folder))
        yield folder


@pytest.fixture
async def _tasks() -> AsyncIterator[None]:
    yield
    await asyncio.sleep(0)  # a task that was just cancelled gets its turn to end
    leaked = asyncio.all_tasks() - {asyncio.current_task()}
    if leaked:
        pytest.fail(f"tasks outlived the test: {sorted(task.get_name() for task in leaked)}")


@pytest.fixture(autouse=True)
def no_task_leaks(request: pytest.FixtureRequest) -> None:
    """Asynchronous tests, and the fixtures they use, end every task that they start."""
    if isinstance(request.node, pytest.Function) and inspect.iscoroutinefunction(request.node.obj):
        request.getfixturevalue("_tasks")


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Path]:
    """The path of a real recording that is on every machine: ``two_cities``, ``beckett`` or ``endgame_nagg_nell``."""
    spec = importlib.util.find_spec("moonshine_voice")  # found, not imported: importing loads a native library
    assert spec is not None
    assets = Path(str(spec.origin)).parent / "assets"

    def path(name: str) -> Path:
        recording = assets / f"{name}.wav"
        assert recording.is_file(), f"the wheel has no {recording.name}"
        return recording

    return path


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder of recordings beside the repository. Only tests of the category ``audio`` may use it."""
    folder = REPOSITORY.parent / "shared" / "audio"
    if not folder.is_dir():
        pytest.fail(f"{folder} is missing; tests marked `audio` need it")
    return folder
