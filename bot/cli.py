"""The CLI commands: parse options, call one service, print the result.

Exit codes: 0 success, 1 problems found or an error of the disk, the database or Discord, 2 wrong usage or settings
(`NewsdeskError.exit_code`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from bot import console
from bot.app import Part, utc_now
from bot.app import run as run_bot
from bot.doctor import diagnose
from bot.errors import NewsdeskError, StoreError, UserError, file_error
from bot.language import ENGLISH
from bot.logs import write_logs
from bot.settings import Settings, load_settings
from bot.sources.checking import check_paths
from bot.sources.folder import Rules
from bot.sources.loader import Loader, LoadReport
from bot.store import back_up, open_store, restore
from bot.store.troubles import store_trouble

_out = Console()
_err = Console(stderr=True)
_PROBLEMS = 1


class Commands(TyperGroup):
    """The command group. Expected errors are printed as a sentence, without traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:
            if (known := _known(error)) is None:
                raise
            _say(known)
            raise typer.Exit(known.exit_code) from None


def _known(error: Exception) -> NewsdeskError | None:
    """Convert an expected error; None for a bug, which needs its traceback."""
    if isinstance(error, NewsdeskError):
        return error
    if trouble := store_trouble(error):
        return trouble
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, BrokenPipeError):
        return file_error(f"{error.filename or 'A file'} cannot be read or written", error)
    return None


def _say(error: NewsdeskError) -> None:
    with suppress(OSError):  # the reader may have closed the pipe
        for line in str(error).splitlines():
            _err.print(line, style="red", markup=False, highlight=False, soft_wrap=True)


app = typer.Typer(
    cls=Commands,
    help="Newsdesk: news cards from Markdown files, delivered to Discord.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
privacy = typer.Typer(help="What is stored about one member.", no_args_is_help=True)
app.add_typer(privacy, name="privacy")


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Play a fixed story in the terminal instead.")] = False,
    port: Annotated[int | None, typer.Option(help="Port of the page; any free one by default.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    language: Annotated[str, typer.Option(help="What its people have their Discord in, such as en or de.")] = ENGLISH,
) -> None:
    """The whole bot offline, against a Discord in your browser. Needs no token."""
    from bot.demo import run_browser, run_headless

    if headless:
        raise typer.Exit(run_headless())
    run_browser(port=port, open_browser=browser, language=language)


@app.command()
def run(
    only: Annotated[Part | None, typer.Option(help="Do one part, where several processes share a bot.")] = None,
) -> None:
    """Log in to Discord and serve."""
    settings = load_settings()
    token = settings.bot_token()
    write_logs(settings.log_level, settings.log_format, _err, secrets=[token, *settings.database_secrets])
    asyncio.run(run_bot(settings, token, only))


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; NEWSDESK_CARDS by default.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How findings are written.")] = Format.TEXT,
) -> None:
    """Say what is wrong with card files. Exit code 1 when there is an error; a file that is no news card is a note."""
    settings = load_settings()
    result = check_paths(paths or settings.cards, Rules(settings.cards_need_category, utc_now()))
    write = {Format.TEXT: console.as_text, Format.JSON: console.as_json, Format.GITHUB: console.as_github}
    sys.stdout.write(write[form](result))
    raise typer.Exit(_PROBLEMS if result.errors else 0)


@app.command()
def load(
    path: Annotated[Path | None, typer.Argument(help="A folder of cards; NEWSDESK_CARDS by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
    accept_withdrawals: Annotated[
        bool, typer.Option("--accept-withdrawals", help="Withdraw cards even when it is a large part of all.")
    ] = False,
) -> None:
    """Load a folder of cards into the store. Only changed files are read. Exit code 1 when files have errors."""
    report = asyncio.run(_load(load_settings(**({"cards": path} if path else {})), accept_withdrawals))
    if as_json:
        sys.stdout.write(json.dumps(report.counts()) + "\n")
    else:
        _show_load(report)
    raise typer.Exit(_PROBLEMS if report.problems or report.held_back else 0)


async def _load(settings: Settings, accept_withdrawals: bool) -> LoadReport:
    async with open_store(settings.database_url) as store:
        loader = Loader(store.cabinet, *settings.cards, need_category=settings.cards_need_category)
        with console.progress(_err) as progress:
            report = await loader.load(utc_now(), accept_withdrawals=accept_withdrawals, progress=progress)
        if not report.missing or report.look_at is None:
            return report
        wait = max((report.look_at - utc_now()).total_seconds(), 0)
        _err.print(f"The files of {report.missing} cards are missing: looking again in {wait:.0f} seconds.")
        await asyncio.sleep(wait)
        return (await loader.load(utc_now(), accept_withdrawals=accept_withdrawals)).after(report)


def _show_load(report: LoadReport) -> None:
    for finding in report.findings:
        _err.print(console.line(finding), style="red", markup=False, highlight=False, soft_wrap=True)
    for note in report.notes:
        _err.print(console.line(note), style="dim", markup=False, highlight=False, soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in report.counts().items():
        table.add_row(name.replace("_", " "), str(value))
    _out.print(table)
    if report.held_back:
        _err.print(
            f"{report.held_back} cards would disappear, so none was withdrawn. If that is meant: --accept-withdrawals",
            style="yellow",
        )


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="What to find.")],
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 10,
) -> None:
    """Search the published cards of the store, newest first."""
    _with_store(lambda settings: console.search(settings, " ".join(words), count, _out))


@app.command()
def show(
    slug: Annotated[str, typer.Argument(help="The card's path below its folder, without suffix.")],
    as_json: Annotated[bool, typer.Option("--json", help="The embed as it will be sent.")] = False,
) -> None:
    """Show one card as it will look in Discord."""
    _with_store(lambda settings: console.show(settings, slug, as_json, _out))


def _with_store(ask: Callable[[Settings], Coroutine[Any, Any, bool]]) -> None:
    found = asyncio.run(ask(load_settings()))
    raise typer.Exit(0 if found else _PROBLEMS)


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; the standard output by default.")] = None,
) -> None:
    """Write what people made as JSON: subscriptions, decisions with their log, saved cards, settings of servers."""
    settings = load_settings()
    if file is None:
        asyncio.run(console.export(settings, sys.stdout))
        return
    with _writing(str(file)), console.replacing(file) as out:
        asyncio.run(console.export(settings, out))


@contextmanager
def _writing(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise file_error(f"{what} cannot be written", error) from error


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `newsdesk export` wrote.", exists=True, dir_okay=False)],
) -> None:
    """Take in an export, into an empty store or a used one; what is there already stays as it is."""
    imported = asyncio.run(console.take_in(load_settings(), file, utc_now()))
    console.show_import(imported, _out)
    raise typer.Exit(_PROBLEMS if imported.unknown_cards else 0)


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The copy; an older one is replaced.")]) -> None:
    """Copy the store while the bot runs."""
    settings = load_settings()
    with _writing(str(file)):
        asyncio.run(back_up(settings.database_url, file))


@app.command(name="restore")
def restore_(
    file: Annotated[Path, typer.Argument(help="What `newsdesk backup` wrote.", exists=True, dir_okay=False)],
) -> None:
    """Put a backup in the store's place, while the bot is stopped. What it has posted since is not posted again."""
    settings = load_settings()
    if asyncio.run(_at_work(settings)):
        raise UserError("The bot works with this store, or did within the last minutes. Stop it, wait, try again.")
    with _writing("The database"):
        asyncio.run(restore(file, settings.database_url, utc_now()))


async def _at_work(settings: Settings) -> bool:
    """Return whether a bot uses the store; False if it cannot be opened, since that is what backups are for."""
    try:
        return await console.alive(settings, utc_now())
    except StoreError:
        return False


@app.command()
def migrate(
    to: Annotated[str, typer.Option(metavar="URL", help="The other one's address, as NEWSDESK_DATABASE_URL has it.")],
) -> None:
    """Move the store to another database, while the bot is stopped. What broke off goes on when it is run again.

    Exit code 1 when the two are not the same at the end.
    """
    compared = asyncio.run(console.move_store(load_settings(), to, utc_now(), _err))
    raise typer.Exit(0 if console.show_move(compared, _out) else _PROBLEMS)


User = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The member's numeric id.")]


@privacy.command("export")
def privacy_export(user: User) -> None:
    """Write everything that is stored about a member, as JSON."""
    asyncio.run(console.export_member(load_settings(), user, sys.stdout))


@privacy.command("erase")
def privacy_erase(user: User) -> None:
    """Delete what is a member's alone, at once. Servers' subscriptions, decisions and the log stay."""
    asyncio.run(console.erase_member(load_settings(), user, _out))


@app.command()
def health() -> None:
    """Whether the running bot is well, and why not, in a line; for the container as well. Exit code 1 when not."""
    well, seen = asyncio.run(console.pulse(load_settings(), utc_now()))
    sys.stdout.write(f"{seen}\n")
    raise typer.Exit(0 if well else _PROBLEMS)


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask Discord nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line: severity, what, fix.")] = False,
) -> None:
    """Look for what keeps the bot from working, and say how to mend it. Changes nothing. Exit code 1 with findings."""
    found = asyncio.run(diagnose(load_settings(), utc_now, offline=offline))
    sys.stdout.write(console.diagnosis_as_json(found) if as_json else console.diagnosis_as_text(found))
    raise typer.Exit(_PROBLEMS if any(finding.is_trouble for finding in found) else 0)
