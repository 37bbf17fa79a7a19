"""Where the server keeps what is to last, when nobody says where."""

from __future__ import annotations

import os
from pathlib import Path

from dragoman.server.settings import Settings


def state_folder(settings: Settings) -> Path:
    """The setting ``state_dir``, or where programs of this user keep such things. It need not be there yet."""
    if settings.state_dir is not None:
        return settings.state_dir
    home = Path.home()
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local", "dragoman")
    return Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state", "dragoman")
