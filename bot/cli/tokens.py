"""`newsdesk token`: make, list and revoke the tokens of the HTTP intake."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from bot.cli.console import OUT
from bot.clock import utc_now
from bot.domain.intake import IntakePolicy, IntakeToken, generate_token, hash_token
from bot.errors import UserError
from bot.settings import load_settings
from bot.store import open_read_only, open_store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")

app = typer.Typer()
tokens = typer.Typer(help="Tokens with which other programs post cards (docs/intake.md).", no_args_is_help=True)
app.add_typer(tokens, name="token")
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is called here, such as the program that gets it.")],
    source: Annotated[
        str | None, typer.Option(help="The source that its cards belong to; the token's name by default.")
    ] = None,
    policy: Annotated[IntakePolicy, typer.Option(help="What becomes of its cards.")] = IntakePolicy.HELD,
    server: Annotated[
        int | None,
        typer.Option(metavar="ID", min=1, max=2**63 - 1, help="The only server that gets its cards; all by default."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token, and show it this once: the store keeps no more than its hash."""
    source = source or name
    for given in (name, source):
        if not _NAME.fullmatch(given):
            raise UserError(f"{given!r} is no name: up to 50 letters, digits and . _ -, the first a letter or a digit.")
    secret = generate_token()
    made = asyncio.run(_create(name, source, policy, secret, server))
    if as_json:
        sys.stdout.write(json.dumps({**_to_json(made), "token": secret}) + "\n")
    else:
        sys.stdout.write(f"{secret}\n")
        sys.stderr.write("Keep it now: it is not shown again.\n")


async def _create(name: str, source: str, policy: IntakePolicy, secret: str, guild_id: int | None) -> IntakeToken:
    async with open_store(load_settings().database_url) as store:
        return await store.intake.create_token(name, source, policy, hash_token(secret), utc_now(), guild_id)


@tokens.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """List the tokens, without the tokens themselves."""
    found = asyncio.run(_list())
    if as_json:
        sys.stdout.write("".join(json.dumps(_to_json(each)) + "\n" for each in found))
        return
    if not found:
        sys.stdout.write("There is no token. `newsdesk token create NAME` makes one.\n")
        return
    table = Table("name", "source", "server", "policy", "created", "last used", box=None, pad_edge=False)
    for each in found:
        used = f"{each.last_used_at:%Y-%m-%d %H:%M}" if each.last_used_at else "never"
        server = "all" if each.guild_id is None else str(each.guild_id)
        table.add_row(each.name, each.source, server, each.policy, f"{each.created_at:%Y-%m-%d %H:%M}", used)
    OUT.print(table)


async def _list() -> list[IntakeToken]:
    async with open_read_only(load_settings().database_url) as store:
        return await store.intake.list_tokens()


@tokens.command("revoke")
def revoke_token(name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Make a token useless, at once. The cards that came with it stay."""
    if not asyncio.run(_revoke(name)):
        raise UserError(f"There is no token named {name}. `newsdesk token list` names them.")
    sys.stdout.write(f"Revoked {name}. Its cards stay.\n")


async def _revoke(name: str) -> bool:
    async with open_store(load_settings().database_url) as store:
        return await store.intake.revoke_token(name)


def _to_json(token: IntakeToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "source": token.source,
        "server": token.guild_id,
        "policy": token.policy,
        "created_at": token.created_at.isoformat(),
        "last_used_at": token.last_used_at and token.last_used_at.isoformat(),
    }
