"""`newsdesk init`: the settings of a new bot, and the link that invites it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from dotenv import dotenv_values, set_key

from bot.cli.console import OUT, replace_file, report_write_errors
from bot.client.invite import build_invite_url, fetch_application_id, parse_application_id
from bot.clock import utc_now
from bot.errors import DiscordUnreachableError, UserError
from bot.settings import PREFIX, load_settings
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_list import read_list
from bot.sources.feeds.opml import OpmlFeed, is_web_address, normalize_address, write_opml

ENV_FILE = Path(".env")
FEED_LIST = Path("feeds.opml")
_LONGEST_TOKEN = 1000

app = typer.Typer()


class CardSources(NamedTuple):
    """Where a bot's cards come from: folders, and feeds by their addresses or as a list."""

    folders: Sequence[Path] = ()
    addresses: Sequence[str] = ()
    feed_list: Path | None = None


@app.command()
def init(
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from the standard input, and ask nothing.")
    ] = False,
    cards: Annotated[list[Path] | None, typer.Option(help="A folder of card files; may be repeated.")] = None,
    feeds: Annotated[
        list[str] | None, typer.Option("--feed", help="A feed's address, or an OPML file; may be repeated.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Change an .env that is there already, without asking.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not check the token with Discord.")] = False,
) -> None:
    """Set a bot up: write its `.env`, and say how to invite it. Asks for what is not given, on a terminal."""
    is_asking = sys.stdin.isatty() and not token_stdin
    _confirm_change(is_asking, force)
    token = _read_token(is_asking, token_stdin)
    application_id = parse_application_id(token)
    sources = sort_sources(cards or (), feeds or ())
    if is_asking and not cards and not feeds:
        sources = _ask_sources()
    _check_sources(sources)
    # Before anything is written: a token that Discord does not know is of no use.
    if not offline:
        application_id = _verify_token(token, application_id)
    _write_files(token, sources)
    for line in _describe_steps(sources, application_id):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)


def _confirm_change(is_asking: bool, force: bool) -> None:
    if force or not ENV_FILE.exists():
        return
    question = f"{ENV_FILE} is there already. Change its token and sources, and keep its other lines?"
    if not is_asking:
        raise UserError(f"{ENV_FILE} is there already.", "Give --force to change it; its other settings stay.")
    if not typer.confirm(question):
        OUT.print(f"Kept {ENV_FILE} as it is.")
        raise typer.Exit


def _read_token(is_asking: bool, from_input: bool) -> str:
    """Return the token as given. Raises `UserError` if there is no way to get it."""
    if from_input:
        try:
            return sys.stdin.read(_LONGEST_TOKEN).strip()
        except UnicodeDecodeError:
            return ""
    if not is_asking:
        raise UserError("Nobody can be asked here.", "Give the token with --token-stdin.")
    token: str = typer.prompt("The bot's token (it is not shown)", hide_input=True)
    return token.strip()


def _ask_sources() -> CardSources:
    folder = typer.prompt("Folder of card files (Enter: none)", default="", show_default=False).strip()
    feeds = typer.prompt("Feeds: addresses, or an OPML file (Enter: none)", default="", show_default=False).strip()
    # The path of a file may have spaces in it; an address has none.
    given = feeds.split() if "://" in feeds else [feeds] if feeds else []
    return sort_sources([Path(folder)] if folder else [], given)


def sort_sources(folders: Sequence[Path], feeds: Sequence[str]) -> CardSources:
    """Tell addresses of feeds from an OPML file. Raises `UserError` for both, and for what is neither."""
    addresses = [normalize_address(each) for each in feeds]
    files = [Path(each) for each, address in zip(feeds, addresses, strict=True) if not is_web_address(address)]
    if not files:
        return CardSources(folders, addresses)
    if wrong := [str(file) for file in files if not file.is_file()]:
        raise UserError(f"{wrong[0]} is neither an OPML file nor a feed's address such as https://example.org/feed.")
    if len(feeds) > 1:
        raise UserError("Give either one OPML file or addresses of feeds.", f"You can add addresses to {files[0]}.")
    return CardSources(folders, (), files[0])


def _check_sources(sources: CardSources) -> None:
    """Raise `NewsdeskError` for what the bot could not use."""
    for folder in sources.folders:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is no folder.")
    if sources.feed_list:
        asyncio.run(_check_feed_list(sources.feed_list))
    if sources.addresses and FEED_LIST.exists():
        fix = f"Add the addresses to it and give --feed {FEED_LIST}, or move it away."
        raise UserError(f"{FEED_LIST} is there already, and would be replaced.", fix)


async def _check_feed_list(path: Path) -> None:
    reader = DocumentReader()
    try:
        await read_list(path, reader, utc_now())
    finally:
        await asyncio.to_thread(reader.close)


def _verify_token(token: str, application_id: int) -> int:
    """Return the application's id as Discord knows it; the given one if Discord cannot be reached."""
    try:
        return asyncio.run(fetch_application_id(token, load_settings().discord_api))
    except DiscordUnreachableError:
        OUT.print("Discord cannot be reached, so the token was not checked.")
        return application_id


def _write_files(token: str, sources: CardSources) -> None:
    """Write `.env`, and the list of feeds that it names. Both can be read by their owner only."""
    values = {"TOKEN": token}
    if sources.folders:
        values["CARDS"] = os.pathsep.join(map(str, sources.folders))
    if sources.addresses or sources.feed_list:
        values["FEEDS"] = str(sources.feed_list or FEED_LIST)
    with report_write_errors(str(ENV_FILE)), ExitStack() as stack:
        if sources.addresses:
            # Put in place last, when nothing can be wrong any more.
            out = stack.enter_context(replace_file(FEED_LIST))
            out.write(write_opml("Newsdesk", [OpmlFeed(each) for each in sources.addresses]).decode())
        _change_dotenv(ENV_FILE.resolve(), {PREFIX + name: value for name, value in values.items()})


def _change_dotenv(path: Path, values: Mapping[str, str]) -> None:
    """Set these variables, and keep the other lines. Raises `NewsdeskError`, with nothing changed, if one is wrong."""
    # A folder beside it, which others cannot enter: the token is at no time in a file that they can read.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".newsdesk-") as private:
        draft = Path(private, ".env")
        draft.write_bytes(path.read_bytes() if path.exists() else b"")
        for name, value in values.items():
            # Without quotes, which Docker would take for a part of the value.
            set_key(draft, name, value, quote_mode="never")
        written = dotenv_values(draft, interpolate=False)
        if wrong := [value for name, value in values.items() if written.get(name) != value]:
            raise UserError(f"{wrong[0]!r} cannot be written to {ENV_FILE}.", "Choose a path without # and quotes.")
        load_settings(_env_file=draft).bot_token()
        draft.chmod(0o600)
        draft.replace(path)


def _describe_steps(sources: CardSources, application_id: int) -> Iterator[str]:
    """Yield what was written, what is missing, and what to do next."""
    yield f"Wrote {ENV_FILE}. Only you can read it."
    if sources.addresses:
        yield f"Wrote {FEED_LIST}, the list of your feeds."
    settings = load_settings()
    missing = [folder for folder in settings.cards if not folder.is_dir()]
    if sources.folders:
        for folder in missing:
            yield f'Missing: the folder {folder}. Make it, then write a first card: newsdesk new "Hello"'
    elif settings.feeds is None and len(missing) == len(settings.cards):
        yield f"Missing: cards. Set {PREFIX}CARDS or {PREFIX}FEEDS in {ENV_FILE}, or use /feed add in your server."
    yield "Invite the bot:"
    yield f"  {build_invite_url(application_id)}"
    yield "Start it:"
    yield "  newsdesk run"
    yield "Then use /digest setup in your server."
