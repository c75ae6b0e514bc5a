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

from bot.app import ProcessRole, run_bot, utc_now
from bot.cli import output
from bot.cli.feed_commands import feeds
from bot.cli.tokens import tokens
from bot.doctor import run_checks
from bot.errors import NewsdeskError, StoreError, UserError, file_error
from bot.i18n import ENGLISH
from bot.logging_config import configure_logging
from bot.settings import Settings, load_settings
from bot.sources.folder import ReadingRules
from bot.sources.folder_source import folders_from_settings
from bot.sources.lint import check_paths
from bot.sources.loader import Loader, LoadReport
from bot.sources.new_card import create_card_file
from bot.store import backup_store, open_store, restore_store
from bot.store.error_messages import explain_store_error

_out = Console()
_err = Console(stderr=True)
_PROBLEMS = 1


class CommandGroup(TyperGroup):
    """The command group. Expected errors are printed as a sentence, without traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:
            if (known := _explain_error(error)) is None:
                raise
            _print_error(known)
            raise typer.Exit(known.exit_code) from None


def _explain_error(error: Exception) -> NewsdeskError | None:
    """Convert an expected error; None for a bug, which needs its traceback."""
    if isinstance(error, NewsdeskError):
        return error
    if trouble := explain_store_error(error):
        return trouble
    # An `OSError` without a number was raised by a program, not by the system: that is a bug. A closed pipe is the
    # business of the caller and handled in `bot.__main__`.
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, BrokenPipeError):
        return file_error(f"{error.filename or 'A file'} cannot be read or written", error)
    return None


def _print_error(error: NewsdeskError) -> None:
    with suppress(OSError):  # the reader may have closed the pipe
        for line in str(error).splitlines():
            _err.print(line, style="red", markup=False, highlight=False, soft_wrap=True)


app = typer.Typer(
    cls=CommandGroup,
    help="Newsdesk: news cards from Markdown files, delivered to Discord.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
privacy = typer.Typer(help="What is stored about one member.", no_args_is_help=True)
app.add_typer(privacy, name="privacy")
app.add_typer(tokens, name="token")
app.add_typer(feeds, name="feeds")


class OutputFormat(StrEnum):
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
    # Imported here: the demo's packages are an extra that an installation may lack.
    from bot.demo import run_browser, run_headless

    if headless:
        raise typer.Exit(run_headless())
    run_browser(port=port, open_browser=browser, language=language)


@app.command()
def run(
    only: Annotated[ProcessRole | None, typer.Option(help="Do one part, where several processes share a bot.")] = None,
) -> None:
    """Log in to Discord and serve."""
    settings = load_settings()
    token = settings.bot_token()
    # From here on neither the token nor the database's password can reach the log.
    configure_logging(settings.log_level, settings.log_format, _err, secrets=[token, *settings.url_secrets])
    asyncio.run(run_bot(settings, token, only))


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; NEWSDESK_CARDS by default.")] = None,
    form: Annotated[OutputFormat, typer.Option("--format", help="How findings are written.")] = OutputFormat.TEXT,
) -> None:
    """Say what is wrong with card files. Exit code 1 when there is an error; a file that is no news card is a note."""
    settings = load_settings()
    result = check_paths(paths or settings.cards, ReadingRules(settings.cards_need_category, utc_now()))
    write = {
        OutputFormat.TEXT: output.format_as_text,
        OutputFormat.JSON: output.format_as_json,
        OutputFormat.GITHUB: output.format_as_github,
    }
    sys.stdout.write(write[form](result))
    raise typer.Exit(_PROBLEMS if result.errors else 0)


@app.command()
def new(
    title: Annotated[str, typer.Argument(help="The card's title.")],
    url: Annotated[str | None, typer.Option(help="The address that it leads to.")] = None,
    topics: Annotated[str, typer.Option(help="Its topics, separated by commas.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Where to; the first of NEWSDESK_CARDS by default.")] = None,
) -> None:
    """Write a card file to complete by hand, and say its path. It is held until its `published` says true."""
    settings = load_settings()
    with _report_write_errors("The card"):
        made = create_card_file(
            folder or settings.cards[0], title, url, topics.split(","), utc_now(), beside=settings.cards
        )
    for note in made.notes:
        _err.print(output.format_problem(note), style="dim", markup=False, highlight=False, soft_wrap=True)
    sys.stdout.write(f"{made.path}\n")


@app.command()
def load(
    path: Annotated[Path | None, typer.Argument(help="A folder of cards; NEWSDESK_CARDS by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
    accept_withdrawals: Annotated[
        bool, typer.Option("--accept-withdrawals", help="Withdraw cards even when it is a large part of all.")
    ] = False,
) -> None:
    """Load a folder of cards into the store. Only changed files are read. Exit code 1 when files have errors."""
    report = asyncio.run(_load_cards(load_settings(**({"cards": path} if path else {})), accept_withdrawals))
    if as_json:
        sys.stdout.write(json.dumps(report.to_counts()) + "\n")
    else:
        _print_load(report)
    raise typer.Exit(_PROBLEMS if report.problems or report.held_back else 0)


async def _load_cards(settings: Settings, accept_withdrawals: bool) -> LoadReport:
    async with open_store(settings.database_url) as store:
        loader = Loader(store.cards.importer, *folders_from_settings(settings))
        with output.show_progress(_err) as progress:
            report = await loader.load_cards(utc_now(), accept_withdrawals=accept_withdrawals, progress=progress)
        if not report.missing or report.look_at is None:
            return report
        # A file may be missing only while an editor or git replaces it; the bot looks again in the background, a
        # command waits.
        wait = max((report.look_at - utc_now()).total_seconds(), 0)
        _err.print(f"The files of {report.missing} cards are missing: looking again in {wait:.0f} seconds.")
        await asyncio.sleep(wait)
        return (await loader.load_cards(utc_now(), accept_withdrawals=accept_withdrawals)).combined_with(report)


def _print_load(report: LoadReport) -> None:
    for finding in report.findings:
        _err.print(output.format_problem(finding), style="red", markup=False, highlight=False, soft_wrap=True)
    for note in report.notes:
        _err.print(output.format_problem(note), style="dim", markup=False, highlight=False, soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in report.to_counts().items():
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
    _run_with_store(lambda settings: output.search_cards(settings, " ".join(words), count, _out))


@app.command()
def show(
    slug: Annotated[str, typer.Argument(help="The card's path below its folder, without suffix.")],
    as_json: Annotated[bool, typer.Option("--json", help="The embed as it will be sent.")] = False,
) -> None:
    """Show one card as it will look in Discord."""
    _run_with_store(lambda settings: output.show_card(settings, slug, as_json, _out))


def _run_with_store(action: Callable[[Settings], Coroutine[Any, Any, bool]]) -> None:
    found = asyncio.run(action(load_settings()))
    raise typer.Exit(0 if found else _PROBLEMS)


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; the standard output by default.")] = None,
) -> None:
    """Write what people made as JSON: subscriptions, decisions with their log, saved cards, settings of servers."""
    settings = load_settings()
    if file is None:
        asyncio.run(output.export_data(settings, sys.stdout))
        return
    # A failed export leaves an older one in place.
    with _report_write_errors(str(file)), output.replace_file(file) as out:
        asyncio.run(output.export_data(settings, out))


@contextmanager
def _report_write_errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise file_error(f"{what} cannot be written", error) from error


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `newsdesk export` wrote.", exists=True, dir_okay=False)],
) -> None:
    """Take in an export, into an empty store or a used one; what is there already stays as it is."""
    imported = asyncio.run(output.import_data(load_settings(), file, utc_now()))
    output.show_import(imported, _out)
    raise typer.Exit(_PROBLEMS if imported.unknown_cards else 0)


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The copy; an older one is replaced.")]) -> None:
    """Copy the store while the bot runs."""
    settings = load_settings()
    with _report_write_errors(str(file)):
        asyncio.run(backup_store(settings.database_url, file))


@app.command(name="restore")
def restore_(
    file: Annotated[Path, typer.Argument(help="What `newsdesk backup` wrote.", exists=True, dir_okay=False)],
) -> None:
    """Put a backup in the store's place, while the bot is stopped. What it has posted since is not posted again."""
    settings = load_settings()
    if asyncio.run(_is_bot_running(settings)):
        raise UserError("The bot works with this store, or did within the last minutes. Stop it, wait, try again.")
    with _report_write_errors("The database"):
        asyncio.run(restore_store(file, settings.database_url, utc_now()))


async def _is_bot_running(settings: Settings) -> bool:
    """Return whether a bot uses the store; False if it cannot be opened, since that is what backups are for."""
    try:
        return await output.is_bot_alive(settings, utc_now())
    except StoreError:
        return False


@app.command()
def migrate(
    to: Annotated[str, typer.Option(metavar="URL", help="The other one's address, as NEWSDESK_DATABASE_URL has it.")],
) -> None:
    """Move the store to another database, while the bot is stopped. What broke off goes on when it is run again.

    Exit code 1 when the two are not the same at the end.
    """
    compared = asyncio.run(output.migrate_store(load_settings(), to, utc_now(), _err))
    raise typer.Exit(0 if output.show_migration(compared, _out) else _PROBLEMS)


User = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The member's numeric id.")]


@privacy.command("export")
def privacy_export(user: User) -> None:
    """Write everything that is stored about a member, as JSON."""
    asyncio.run(output.export_member(load_settings(), user, sys.stdout))


@privacy.command("erase")
def privacy_erase(user: User) -> None:
    """Delete what is a member's alone, at once. Servers' subscriptions, decisions and the log stay."""
    asyncio.run(output.erase_member(load_settings(), user, _out))


@app.command()
def health() -> None:
    """Whether the running bot is well, and why not, in a line; for the container as well. Exit code 1 when not."""
    well, seen = asyncio.run(output.read_health(load_settings(), utc_now()))
    sys.stdout.write(f"{seen}\n")
    raise typer.Exit(0 if well else _PROBLEMS)


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask Discord nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line: severity, what, fix.")] = False,
) -> None:
    """Look for what keeps the bot from working, and say how to fix it. Changes nothing. Exit code 1 with findings."""
    found = asyncio.run(run_checks(load_settings(), utc_now, offline=offline))
    sys.stdout.write(output.format_diagnosis_as_json(found) if as_json else output.format_diagnosis_as_text(found))
    raise typer.Exit(_PROBLEMS if any(finding.is_trouble for finding in found) else 0)
