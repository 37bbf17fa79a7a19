"""``dragoman serve``."""

from __future__ import annotations

from pathlib import Path

import click

from dragoman.server.cli.options import config_option, engine_option, settings_from, workers_option


@click.command(short_help="Serve the APIs over HTTP.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT", help="Port; 0 takes a free one.  [default: 8080]"
)
@click.option(
    "--keys-file", type=click.Path(path_type=Path), metavar="FILE", help="Keys that clients need, one a line."
)
@click.option("--insecure", is_flag=True, default=None, help="Listen on a network without keys all the same.")
@workers_option
@engine_option
@config_option
def serve(
    host: str | None,
    port: int | None,
    keys_file: Path | None,
    insecure: bool | None,
    workers: int | None,
    engine: str | None,
    config: Path | None,
) -> int:
    """Serve the APIs over HTTP until interrupted, and print an example for each.

    An address that others can reach needs a file of keys, or --insecure.

    \b
    Examples:
      dragoman serve
      dragoman serve --port 9000 --workers 2
      dragoman serve --host 0.0.0.0 --keys-file keys.txt
    """
    flags = {"host": host, "port": port, "keys_file": keys_file, "insecure": insecure, "workers": workers}
    settings = settings_from(flags, config=config, engine=engine)

    from dragoman.server.serve import serve as serve_until_stopped

    return serve_until_stopped(settings)
