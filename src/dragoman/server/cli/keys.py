"""``dragoman keys``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from dragoman.server.cli.options import Option, config_option, settings_from

_file_option: Option = click.option(
    "--file", type=click.Path(path_type=Path), metavar="FILE", help="The keys file.  [default: the setting keys_file]"
)


@click.group(short_help="Keys of clients.")
def keys() -> None:
    """Keys of clients: an access key id and a secret. One key serves every API, in the way its clients know.

    They are lines of a file that only its owner can read. A running server takes changes up within a second.
    """


@keys.command(short_help="Make a key and show its secret, once.")
@click.argument("name", default="")
@_file_option
@config_option
def create(name: str, file: Path | None, config: Path | None) -> int:
    """Make a key and show its secret, once. NAME says whose it is; the file is made if there is none.

    \b
    Examples:
      dragoman keys create switchboard --file keys.txt
      dragoman serve --host 0.0.0.0 --keys-file keys.txt
    """
    from dragoman.service.keys_file import create_key

    path = _path(file, config)
    with _named():
        key = create_key(path, name, today=datetime.now(UTC).date())
    click.echo(f"Access key id  {key.key_id}")
    click.echo(f"Secret         {key.secret}")
    click.echo(f"\nIt is in {path}. The secret is not shown again.", err=True)
    click.echo(
        "OpenAI, Phonexia: the secret as the API key or bearer token. Telecomx: id and secret to log in.", err=True
    )
    click.echo("Amazon: the two as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", err=True)
    return 0


@keys.command("list", short_help="List the keys, without their secrets.")
@_file_option
@config_option
def list_(file: Path | None, config: Path | None) -> int:
    """List the keys, without their secrets."""
    from dragoman.service.keys_file import list_keys

    with _named():
        found = list_keys(_path(file, config))
    width = max((len(key.key_id) for key in found), default=0)
    for key in found:
        click.echo(f"{key.key_id:{width}}  {key.created or ''!s:10}  {key.name}".rstrip())
    return 0


@keys.command(short_help="Remove a key.")
@click.argument("key_id", metavar="ID")
@_file_option
@config_option
def revoke(key_id: str, file: Path | None, config: Path | None) -> int:
    """Remove a key: who shows it is refused from the next second on. What it has begun may end."""
    from dragoman.service.keys_file import revoke_key

    path = _path(file, config)
    with _named():
        try:
            revoke_key(path, key_id)
        except KeyError:
            raise click.ClickException(f"There is no key {key_id!r} in {path}.") from None
    click.echo(f"{key_id} is revoked.")
    return 0


def _path(file: Path | None, config: Path | None) -> Path:
    path = file or settings_from({}, config=config).keys_file
    if path is None:
        raise click.UsageError("Which file? Name it with --file, or in the setting keys_file.")
    return path


@contextmanager
def _named() -> Iterator[None]:
    """What is wrong with the file or the name, as a line on standard error."""
    from dragoman.service.keys_file import KeysFileError

    try:
        yield
    except KeysFileError as error:
        raise click.ClickException(f"{error}.") from error
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
