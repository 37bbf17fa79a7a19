"""The command ``dragoman``. One module per subcommand; what they need is imported when they run, so help is quick."""

from __future__ import annotations

from collections.abc import Sequence

import click

from dragoman import __version__
from dragoman.core.errors import DragomanError
from dragoman.server.cli.doctor import doctor
from dragoman.server.cli.jobs import jobs
from dragoman.server.cli.keys import keys
from dragoman.server.cli.listen import listen
from dragoman.server.cli.models import models
from dragoman.server.cli.serve import serve
from dragoman.server.cli.stream import stream
from dragoman.server.cli.transcribe import transcribe
from dragoman.server.cli.vocabulary import vocabulary

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="dragoman %(version)s")
def command() -> None:
    """Speech to text on your own machines.

    \b
    Transcribe a recording:           dragoman transcribe call.wav
    See what the microphone hears:    dragoman listen
    Serve the APIs on port 8080:      dragoman serve
    Make a key for a client:          dragoman keys create switchboard --file keys.txt
    See the jobs of clients:          dragoman jobs list
    See how words will sound:         dragoman vocabulary check words.txt
    See the models for languages:     dragoman models list
    See whether all is well here:     dragoman doctor

    Settings come from a TOML file (--config or DRAGOMAN_CONFIG), from the environment (DRAGOMAN_PORT=9000) and from
    the options of a command, the last one winning.
    """


command.add_command(transcribe)
command.add_command(listen)
command.add_command(stream)
command.add_command(serve)
command.add_command(keys)
command.add_command(jobs)
command.add_command(vocabulary)
command.add_command(models)
command.add_command(doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, by default that of this process; the exit status. 0 good, 1 something failed, 2 wrong
    usage, 130 interrupted.
    """
    try:
        status = command.main(arguments, standalone_mode=False)  # a broken pipe ends it here, quietly, with status 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (DragomanError, OSError) as error:
        click.echo(f"dragoman: {error}", err=True)
        return 1
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    return int(status or 0)
