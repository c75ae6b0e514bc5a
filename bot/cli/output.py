"""Output of the CLI commands."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bot.cards.model import Problem, Severity
from bot.doctor.finding import Finding
from bot.errors import SettingsError, StoreError, UserError, file_error
from bot.render.card import render_card
from bot.render.privacy import format_counts, format_export
from bot.render.terminal import render_panel
from bot.settings import Settings, check_database_url
from bot.sources import loader
from bot.sources.lint import LintReport
from bot.store import move_store, open_read_only, open_store
from bot.store.cards.repository import CardQuery
from bot.store.health import HEARTBEAT, STILL_FOR
from bot.store.transfer.export import EXPORTED
from bot.store.transfer.import_ import ImportSummary
from bot.store.transfer.move import TableComparison

EXPORT_FORM = 1
"""Version of the export format."""
_LARGEST_EXPORT = 512 << 20
"""Bytes; parsing one takes several times as much memory."""
_LONGEST_REASON = 200
"""Maximum characters of an error in the output."""
_NO_EXPORT = "This export cannot be read"


def format_problem(finding: Problem) -> str:
    """Format as `file:line: severity: field: problem`, like compilers."""
    field = f"{finding.field}: " if finding.field else ""
    return f"{finding.file}:{finding.line}: {finding.severity}: {field}{finding.problem}"


def format_as_text(result: LintReport) -> str:
    """Format one finding per line, then the totals. Identical notes on many files are abridged."""
    notes = len(result.findings) - result.errors
    total = f"{result.files} files, {result.cards} news cards, {result.errors} errors, {notes} notes"
    return "".join(f"{each}\n" for each in (*_abridge_notes(result.findings), total))


_ALIKE = 5
"""Identical notes to show; a single further one is shown too, rather than counted."""


def _abridge_notes(findings: Sequence[Problem]) -> Iterator[str]:
    alike = Counter((each.field, each.problem) for each in findings if each.severity is Severity.NOTE)
    shown: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        kind = finding.field, finding.problem
        # "1 more note" would take as much room as the note itself.
        if finding.severity is Severity.NOTE and alike[kind] > _ALIKE + 1:
            shown[kind] += 1
            if shown[kind] > _ALIKE:
                continue
        yield format_problem(finding)
    for (field, problem), count in alike.items():
        if count > _ALIKE + 1:
            yield f"{count - _ALIKE:,} more notes: {f'{field}: ' if field else ''}{problem}"


def format_as_json(result: LintReport) -> str:
    """Format one JSON object per line: file, line, field, problem, severity."""
    return "".join(json.dumps(asdict(finding), ensure_ascii=False) + "\n" for finding in result.findings)


def format_as_github(result: LintReport) -> str:
    """Format as workflow commands, which GitHub shows at the lines of a pull request."""
    return "".join(_format_annotation(finding) for finding in result.findings)


def _format_annotation(finding: Problem) -> str:
    level = "error" if finding.severity is Severity.ERROR else "notice"
    title = f",title={_escape_value(finding.field, ',:')}" if finding.field else ""
    place = f"file={_escape_value(finding.file, ',:')},line={finding.line}"
    return f"::{level} {place}{title}::{_escape_value(finding.problem)}\n"


def _escape_value(text: str, also: str = "") -> str:
    # The per cent sign first, or it would escape the escapes of the others.
    for character in f"%\r\n{also}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def format_diagnosis_as_text(findings: Sequence[Finding]) -> str:
    """Format one finding per paragraph with its fix indented, then the totals."""
    paragraphs = (f"{each.severity}: {each.what}\n" + (f"    {each.fix}\n" if each.fix else "") for each in findings)
    troubles = sum(each.is_trouble for each in findings)
    return "".join(paragraphs) + (f"{troubles} findings\n" if troubles else "All is well.\n")


def format_diagnosis_as_json(findings: Sequence[Finding]) -> str:
    """Format one JSON object per line: severity, what, fix."""
    return "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in findings)


@contextmanager
def show_progress(console: Console, what: str = "Reading cards") -> Iterator[loader.Progress]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


async def search_cards(settings: Settings, words: str, count: int, console: Console) -> bool:
    """Print hits, newest first. Return False if there are none."""
    async with open_read_only(settings.database_url) as store:
        page = await store.cards.search_cards(CardQuery(words), 0, limit=count)
    for hit in page.cards:
        provider = hit.card.provider.name if hit.card.provider else ""
        console.print(f"{hit.card.published_at:%Y-%m-%d}  {hit.card.title}", markup=False, highlight=False)
        console.print(f"            {provider}  {hit.card.slug}", style="dim", markup=False, highlight=False)
    if not page.cards:
        console.print("Nothing found.")
    return bool(page.cards)


async def show_card(settings: Settings, slug: str, as_json: bool, console: Console) -> bool:
    """Print one card, including held ones. Return False if it does not exist."""
    async with open_read_only(settings.database_url) as store:
        card = await store.cards.get_by_slug(slug, 0, hidden=True)
    if card is None:
        console.print(f"There is no card {slug} in the store.", markup=False)
        return False
    embed = render_card(card, settings.asset_base_url)
    if as_json:
        console.print_json(json.dumps(embed.to_dict()))
    else:
        console.print(render_panel(embed, ["Open", "Save", "Related"]))
    return True


@contextmanager
def replace_file(path: Path) -> Iterator[TextIO]:
    """Write a file that atomically replaces `path` on success; readable by its owner only."""
    # In the same folder: a rename is atomic only within a file system.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            yield out
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


async def export_data(settings: Settings, out: TextIO) -> None:
    """Export all user data as one JSON object, streamed row by row."""
    async with open_read_only(settings.database_url) as store, store.transfer.exporter.take_snapshot() as snapshot:
        out.write(f'{{"newsdesk": {EXPORT_FORM}')
        for kind in EXPORTED:
            out.write(f',\n"{kind}": [')
            # Row by row: an export of a large store does not fit into memory.
            between = "\n"
            async for row in snapshot.export_rows(kind):
                out.write(between + json.dumps(row, ensure_ascii=False))
                between = ",\n"
            out.write("]")
        out.write("}\n")


async def import_data(settings: Settings, file: Path, now: datetime) -> ImportSummary:
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


def show_import(imported: ImportSummary, console: Console) -> None:
    """Print how many rows were new, how many already existed, and what is missing."""
    for kind in EXPORTED:
        added, kept = imported.added.get(kind, 0), imported.kept.get(kind, 0)
        if added or kept:
            console.print(f"{kind.replace('_', ' ')}: {added:,} new, {kept:,} here already")
    if imported.unknown_cards:
        some = ", ".join(sorted(imported.unknown_cards)[:5])
        console.print(
            f"Left out what is about {len(imported.unknown_cards):,} cards that are not in the store ({some} …). Load "
            "their folder first, then import once more.",
            style="yellow",
            markup=False,
        )


async def export_member(settings: Settings, user_id: int, out: TextIO) -> None:
    """Export everything stored about a member as one JSON object."""
    async with open_read_only(settings.database_url) as store:
        out.write(format_export(user_id, await store.members.privacy.export_member(user_id)))


async def erase_member(settings: Settings, user_id: int, console: Console) -> None:
    """Delete the member's own data, and print what was deleted."""
    async with open_store(settings.database_url) as store:
        erased = await store.members.privacy.erase_member(user_id)
    console.print(f"Erased: {format_counts(erased) or 'nothing, there was nothing'}.", markup=False, highlight=False)


async def migrate_store(settings: Settings, to: str, now: datetime, console: Console) -> list[TableComparison]:
    """Move the store to the database at this URL; return the row counts of both."""
    try:
        target = check_database_url(to)
    except ValueError as error:
        raise SettingsError(f"--to: {error}") from None
    with show_progress(console, "Moving rows") as stepped:
        return await move_store(
            settings.database_url, target, lambda notes: _is_recent(notes.get(HEARTBEAT), now), stepped
        )


def show_migration(compared: Sequence[TableComparison], console: Console) -> bool:
    """Print the row counts of every table on both sides, and the next step. Return False if they differ."""
    table = Table("table", box=None, pad_edge=False)
    for heading in ("rows", "there", "checksum", "there"):
        table.add_column(heading, justify="right")
    for each in compared:
        figures = (f"{each.source.rows:,}", f"{each.target.rows:,}", each.source.checksum, each.target.checksum)
        table.add_row(each.table, *figures, style=None if each.is_same else "red")
    console.print(table)
    differing = [each.table for each in compared if not each.is_same]
    if differing:
        console.print(
            f"Not the same on both sides: {', '.join(differing)}. The new database is no store yet: empty it, and move "
            "once more. The old one is as it was.",
            style="red",
        )
    else:
        console.print(
            "All of it is there. Set NEWSDESK_DATABASE_URL to the new address and start the bot. The old database is "
            "as it was: let no bot work with it any more."
        )
    return not differing


async def is_bot_alive(settings: Settings, now: datetime) -> bool:
    """Return whether a running bot has updated its heartbeat in the store recently."""
    async with open_read_only(settings.database_url) as store:
        return is_fresh((await store.health.read_heartbeats(now)).at, now)


async def read_health(settings: Settings, now: datetime) -> tuple[bool, str]:
    """Return whether the running bot is healthy, and a one-line summary."""
    try:
        async with open_read_only(settings.database_url) as store:
            heartbeats = await store.health.read_heartbeats(now)
    except StoreError as error:
        return False, f"Not well: {error}"
    if heartbeats.at is None:
        return False, "Not at work: no bot has ever noted itself in this store. Is it started, and is this its store?"
    ago = f"the last heartbeat came {format_span(now - heartbeats.at)} ago"
    if not is_fresh(heartbeats.at, now):
        return False, f"Not at work: {ago}. Its log says why it ended or hangs."
    wrong = [f"{part}: {words}" for each in heartbeats.troubles.values() for part, words in each.items()]
    if wrong:
        return False, f"Not well: {'; '.join(wrong).rstrip('.')}. The log says more."
    return True, f"At work: {ago}, and nothing is wrong."


def is_fresh(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at < STILL_FOR


def format_span(span: timedelta) -> str:
    """Format roughly, in one unit; after the clock was set back it is 0 seconds."""
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        # From two on, so that no unit needs a singular.
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def _is_recent(heartbeat: str | None, now: datetime) -> bool:
    return is_fresh(datetime.fromisoformat(heartbeat) if heartbeat else None, now)
