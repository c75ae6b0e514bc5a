"""`newsdesk export` and `newsdesk import`: what people made, as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from bot.cli.console import OUT, PROBLEMS, format_count, replace_file, report_write_errors
from bot.clock import utc_now
from bot.errors import UserError, file_error
from bot.settings import Settings, load_settings
from bot.store import open_read_only, open_store
from bot.store.transfer.export import EXPORTED
from bot.store.transfer.import_ import ImportSummary

app = typer.Typer()

EXPORT_FORM = 1
"""Version of the export format."""
_LARGEST_EXPORT = 512 << 20
"""Bytes; parsing one takes several times as much memory."""
_LONGEST_REASON = 200
"""Maximum characters of an error in the output."""
_NO_EXPORT = "This export cannot be read"


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; the standard output by default.")] = None,
) -> None:
    """Write what people made as JSON. Subscriptions, decisions with their log, saved cards, settings of servers.

    The file is secret: it names members, and holds the passwords and keys in the addresses of feeds.
    """
    settings = load_settings()
    if file is None:
        asyncio.run(_export_data(settings, sys.stdout))
        return
    # A failed export leaves an older one in place.
    with report_write_errors(str(file)), replace_file(file) as out:
        written = asyncio.run(_export_data(settings, out))
    counts = ", ".join(f"{count:,} in {kind.replace('_', ' ')}" for kind, count in written.items() if count)
    text = f"Exported {format_count(sum(written.values()), 'row')} to {file}{f': {counts}' if counts else ''}."
    OUT.print(text, markup=False, highlight=False, soft_wrap=True)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `newsdesk export` wrote.", exists=True, dir_okay=False)],
) -> None:
    """Take in an export, into an empty store or a used one. What is there already stays as it is."""
    imported = asyncio.run(_import_data(load_settings(), file, utc_now()))
    _show_import(imported, file)
    raise typer.Exit(PROBLEMS if imported.unknown_cards else 0)


async def _export_data(settings: Settings, out: TextIO) -> dict[str, int]:
    """Export all user data as one JSON object, streamed row by row; return the number of rows by kind."""
    written = dict.fromkeys(EXPORTED, 0)
    async with open_read_only(settings.database_url) as store, store.transfer.exporter.take_snapshot() as snapshot:
        out.write(f'{{"newsdesk": {EXPORT_FORM}')
        for kind in EXPORTED:
            out.write(f',\n"{kind}": [')
            # Row by row: an export of a large store does not fit into memory.
            between = "\n"
            async for row in snapshot.export_rows(kind):
                out.write(between + json.dumps(row, ensure_ascii=False))
                between = ",\n"
                written[kind] += 1
            out.write("]")
        out.write("}\n")
    return written


async def _import_data(settings: Settings, file: Path, now: datetime) -> ImportSummary:
    """Import an export. Raises `UserError` if it is invalid; then nothing is changed."""
    exported = _read_export(file)
    async with open_store(settings.database_url) as store:
        try:
            return await store.transfer.importer.import_all(exported, now)
        # Whatever a malformed row raises: the file may come from anywhere, and the transaction is rolled back.
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise UserError(f"{_NO_EXPORT} ({_shorten_error(error)}); nothing was imported.") from error


def _read_export(file: Path) -> dict[str, Any]:
    """Parse an export. Raises `UserError` if it is not one of this version."""
    try:
        if file.stat().st_size > _LARGEST_EXPORT:
            raise UserError(f"{_NO_EXPORT} (larger than {_LARGEST_EXPORT >> 20} MiB); nothing was imported.")
        exported = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise file_error(f"{file} cannot be read", error) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{_NO_EXPORT} ({_shorten_error(error)}); nothing was imported.") from error
    # `True == 1` in Python, and JSON may hold either.
    if not isinstance(exported, dict) or exported.get("newsdesk") != EXPORT_FORM or exported["newsdesk"] is True:
        raise UserError("This is no export of this version of Newsdesk, so nothing was imported.")
    return exported


def _shorten_error(error: BaseException) -> str:
    """Shorten an error to one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:_LONGEST_REASON]}" if words else type(error).__name__


def _show_import(imported: ImportSummary, file: Path) -> None:
    """Print how many rows were new, how many already existed, and what is missing."""
    for kind in EXPORTED:
        added, kept = imported.added.get(kind, 0), imported.kept.get(kind, 0)
        if added or kept:
            OUT.print(f"{kind.replace('_', ' ')}: {added:,} new, {kept:,} here already")
    if imported.unknown_cards:
        some, more = ", ".join(sorted(imported.unknown_cards)[:5]), " …" if len(imported.unknown_cards) > 5 else ""
        cards = format_count(len(imported.unknown_cards), "card")
        OUT.print(
            f"Left out what is about {cards} not in the store ({some}{more}). Load the folder first, then import once "
            "more.",
            style="yellow",
            markup=False,
        )
    new = sum(imported.added.values())
    text = f"Imported {format_count(new, 'row')} from {file}." if new else f"Nothing in {file} is new to this store."
    OUT.print(text, markup=False, highlight=False, soft_wrap=True)
