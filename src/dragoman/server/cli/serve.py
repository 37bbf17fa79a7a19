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
@click.option("--tls", type=click.Choice(["auto"]), help="Serve TLS too, with a certificate that is made here.")
@click.option(
    "--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Serve TLS too, with this certificate."
)
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="The key of the certificate.")
@click.option(
    "--tls-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port of TLS; 0 takes a free one.  [default: 8443]",
)
@click.option("--insecure", is_flag=True, default=None, help="Listen on a network without keys all the same.")
@workers_option
@engine_option
@config_option
def serve(
    host: str | None,
    port: int | None,
    keys_file: Path | None,
    tls: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_port: int | None,
    insecure: bool | None,
    workers: int | None,
    engine: str | None,
    config: Path | None,
) -> int:
    """Serve the APIs over HTTP until interrupted, and print an example for each.

    An address that others can reach needs a file of keys, or --insecure. With TLS both ports are served.

    \b
    Examples:
      dragoman serve
      dragoman serve --port 9000 --workers 2
      dragoman serve --host 0.0.0.0 --keys-file keys.txt
      dragoman serve --tls auto
    """
    flags = {
        "host": host,
        "port": port,
        "keys_file": keys_file,
        "tls": tls,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "tls_port": tls_port,
        "insecure": insecure,
        "workers": workers,
    }
    settings = settings_from(flags, config=config, engine=engine)

    from dragoman.server.serve import serve as serve_until_stopped

    return serve_until_stopped(settings)
