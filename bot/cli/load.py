"""`newsdesk load`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bot.cli.console import ERR, OUT, PROBLEMS, format_count
from bot.cli.problems import print_problem
from bot.cli.progress import show_progress
from bot.clock import utc_now
from bot.settings import Settings, load_settings
from bot.sources.folder_source import folders_from_settings
from bot.sources.loader import Loader, LoadReport
from bot.store import open_store

app = typer.Typer()


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
    raise typer.Exit(PROBLEMS if report.problems or report.held_back else 0)


async def _load_cards(settings: Settings, accept_withdrawals: bool) -> LoadReport:
    async with open_store(settings.database_url) as store:
        loader = Loader(store.cards.importer, *folders_from_settings(settings))
        with show_progress("Reading cards") as progress:
            report = await loader.load_cards(utc_now, accept_withdrawals=accept_withdrawals, progress=progress)
        if await store.cards.index_rebuild.count_remaining():
            ERR.print("Rebuilding the search index.")
            await store.cards.index_rebuild.rebuild_all()
        if not report.missing or report.look_at is None:
            return report
        # A file may be missing only while an editor or git replaces it; the bot looks again in the background, a
        # command waits.
        wait = max((report.look_at - utc_now()).total_seconds(), 0)
        ERR.print(
            f"The files of {format_count(report.missing, 'card')} are missing: looking again in {wait:.0f} seconds."
        )
        await asyncio.sleep(wait)
        return (await loader.load_cards(utc_now, accept_withdrawals=accept_withdrawals)).combined_with(report)


def _print_load(report: LoadReport) -> None:
    for finding in report.findings:
        print_problem(finding, "red")
    for note in report.notes:
        print_problem(note, "dim")
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in report.to_counts().items():
        table.add_row(name.replace("_", " "), str(value))
    OUT.print(table)
    if report.held_back:
        ERR.print(
            f"{format_count(report.held_back, 'card')} would disappear, so none was withdrawn. If that is meant: "
            "--accept-withdrawals",
            style="yellow",
        )
