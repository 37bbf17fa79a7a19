"""A process that decodes one recording: ``python -m dragoman.server.decode_main FILE SECONDS CHANNELS MEGABYTES``.

The samples go to standard output as they are read from there: mixed to one channel, 16 kHz, signed 16-bit
little-endian. What cannot be decoded ends it with status 1 and a line on standard error, the code of the error and its
message. The command line keeps native decoders out of its own process by it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from dragoman.audio.decode import MediaLimits, open_media
from dragoman.core.errors import DragomanError, UndecodableAudio
from dragoman.core.request import ChannelSelection


def main(arguments: list[str]) -> int:
    name, seconds, channels, megabytes = arguments
    if sys.platform == "linux":
        import resource

        memory = int(megabytes) * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what native libraries print is no audio
    limits = MediaLimits(max_duration_ms=int(seconds) * 1000, max_channels=int(channels))
    try:
        with output, open_media(Path(name), ChannelSelection(), limits) as media:
            for block in media.blocks():
                output.write(np.round(block[0] * 32767).astype("<i2").tobytes())
                output.flush()
    except BrokenPipeError:
        return 0
    except DragomanError as error:
        return _failed(error)
    except OSError as error:
        return _failed(UndecodableAudio(f"cannot be read: {error.strerror or error}"))
    return 0


def _failed(error: DragomanError) -> int:
    print(error.code, " ".join(error.message.split()), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
