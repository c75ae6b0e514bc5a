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
from bot.render.card import card_embed
from bot.render.members import counted, exported
from bot.render.plain import as_panel
from bot.settings import Settings, load_settings
from bot.sources import loader
from bot.sources.checking import Checked
from bot.store import move, open_for_reading, open_store
from bot.store.export import EXPORTED
from bot.store.importing import Imported
from bot.store.moving import Compared
from bot.store.reading import Query
from bot.store.vitals import HEARTBEAT, STILL_FOR

EXPORT_FORM = 1
"""Version of the export format."""
_LARGEST_EXPORT = 512 << 20
"""Bytes; parsing one takes several times as much memory."""
_LONGEST_REASON = 200
"""Maximum characters of an error in the output."""
_NO_EXPORT = "This export cannot be read"


def line(finding: Problem) -> str:
    """Format as `file:line: severity: field: problem`, like compilers."""
    field = f"{finding.field}: " if finding.field else ""
    return f"{finding.file}:{finding.line}: {finding.severity}: {field}{finding.problem}"


def as_text(result: Checked) -> str:
    """Format one finding per line, then the totals. Identical notes on many files are abridged."""
    notes = len(result.findings) - result.errors
    total = f"{result.files} files, {result.cards} news cards, {result.errors} errors, {notes} notes"
    return "".join(f"{each}\n" for each in (*_abridged(result.findings), total))


_ALIKE = 5
"""Identical notes to show; a single further one is shown too, rather than counted."""


def _abridged(findings: Sequence[Problem]) -> Iterator[str]:
    alike = Counter((each.field, each.problem) for each in findings if each.severity is Severity.NOTE)
    shown: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        kind = finding.field, finding.problem
        if finding.severity is Severity.NOTE and alike[kind] > _ALIKE + 1:
            shown[kind] += 1
            if shown[kind] > _ALIKE:
                continue
        yield line(finding)
    for (field, problem), count in alike.items():
        if count > _ALIKE + 1:
            yield f"{count - _ALIKE:,} more notes: {f'{field}: ' if field else ''}{problem}"


def as_json(result: Checked) -> str:
    """Format one JSON object per line: file, line, field, problem, severity."""
    return "".join(json.dumps(asdict(finding), ensure_ascii=False) + "\n" for finding in result.findings)


def as_github(result: Checked) -> str:
    """Format as workflow commands, which GitHub shows at the lines of a pull request."""
    return "".join(_annotation(finding) for finding in result.findings)


def _annotation(finding: Problem) -> str:
    level = "error" if finding.severity is Severity.ERROR else "notice"
    title = f",title={_escaped(finding.field, ',:')}" if finding.field else ""
    place = f"file={_escaped(finding.file, ',:')},line={finding.line}"
    return f"::{level} {place}{title}::{_escaped(finding.problem)}\n"


def _escaped(text: str, also: str = "") -> str:
    for character in f"%\r\n{also}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def diagnosis_as_text(found: Sequence[Finding]) -> str:
    """Format one finding per paragraph with its fix indented, then the totals."""
    paragraphs = (f"{each.severity}: {each.what}\n" + (f"    {each.fix}\n" if each.fix else "") for each in found)
    troubles = sum(each.is_trouble for each in found)
    return "".join(paragraphs) + (f"{troubles} findings\n" if troubles else "All is well.\n")


def diagnosis_as_json(found: Sequence[Finding]) -> str:
    """Format one JSON object per line: severity, what, fix."""
    return "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in found)


@contextmanager
def progress(console: Console, what: str = "Reading cards") -> Iterator[loader.Progress]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


async def search(settings: Settings, words: str, count: int, console: Console) -> bool:
    """Print hits, newest first. Return False if there are none."""
    async with open_for_reading(settings.database_url) as store:
        page = await store.archive.search(Query(words), 0, limit=count)
    for hit in page.cards:
        provider = hit.card.provider.name if hit.card.provider else ""
        console.print(f"{hit.card.published_at:%Y-%m-%d}  {hit.card.title}", markup=False, highlight=False)
        console.print(f"            {provider}  {hit.card.slug}", style="dim", markup=False, highlight=False)
    if not page.cards:
        console.print("Nothing found.")
    return bool(page.cards)


async def show(settings: Settings, slug: str, as_json: bool, console: Console) -> bool:
    """Print one card, including held ones. Return False if it does not exist."""
    async with open_for_reading(settings.database_url) as store:
        found = await store.archive.by_slug(slug, 0, hidden=True)
    if found is None:
        console.print(f"There is no card {slug} in the store.", markup=False)
        return False
    embed = card_embed(found, settings.asset_base_url)
    if as_json:
        console.print_json(json.dumps(embed.to_dict()))
    else:
        console.print(as_panel(embed, ["Open", "Save", "Related"]))
    return True


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Write a file that atomically replaces `path` on success; readable by its owner only."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            yield out
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


async def export(settings: Settings, out: TextIO) -> None:
    """Export all user data as one JSON object, streamed row by row."""
    async with open_for_reading(settings.database_url) as store, store.export.snapshot() as snapshot:
        out.write(f'{{"newsdesk": {EXPORT_FORM}')
        for kind in EXPORTED:
            out.write(f',\n"{kind}": [')
            between = "\n"
            async for row in snapshot.rows(kind):
                out.write(between + json.dumps(row, ensure_ascii=False))
                between = ",\n"
            out.write("]")
        out.write("}\n")


async def take_in(settings: Settings, file: Path, now: datetime) -> Imported:
    """Import an export. Raises `UserError` if it is invalid; then nothing is changed."""
    found = _read_export(file)
    async with open_store(settings.database_url) as store:
        try:
            return await store.importing.take(found, now)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise UserError(f"{_NO_EXPORT} ({_short(error)}); nothing was imported.") from error


def _read_export(file: Path) -> dict[str, Any]:
    """Parse an export. Raises `UserError` if it is not one of this version."""
    try:
        if file.stat().st_size > _LARGEST_EXPORT:
            raise UserError(f"{_NO_EXPORT} (larger than {_LARGEST_EXPORT >> 20} MiB); nothing was imported.")
        found = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise file_error(f"{file} cannot be read", error) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{_NO_EXPORT} ({_short(error)}); nothing was imported.") from error
    if not isinstance(found, dict) or found.get("newsdesk") != EXPORT_FORM or found["newsdesk"] is True:
        raise UserError("This is no export of this version of Newsdesk, so nothing was imported.")
    return found


def _short(error: BaseException) -> str:
    """Shorten an error to one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:_LONGEST_REASON]}" if words else type(error).__name__


def show_import(imported: Imported, console: Console) -> None:
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
    async with open_for_reading(settings.database_url) as store:
        out.write(exported(user_id, await store.members.export(user_id)))


async def erase_member(settings: Settings, user_id: int, console: Console) -> None:
    """Delete the member's own data, and print what was deleted."""
    async with open_store(settings.database_url) as store:
        erased = await store.members.erase(user_id)
    console.print(f"Erased: {counted(erased) or 'nothing, there was nothing'}.", markup=False, highlight=False)


async def move_store(settings: Settings, to: str, now: datetime, console: Console) -> list[Compared]:
    """Move the store to the database at this URL; return the row counts of both."""
    try:
        target = load_settings(database_url=to).database_url
    except SettingsError as error:
        raise SettingsError(str(error).replace("NEWSDESK_DATABASE_URL", "--to")) from None
    with progress(console, "Moving rows") as stepped:
        return await move(settings.database_url, target, lambda notes: _lately(notes.get(HEARTBEAT), now), stepped)


def show_move(compared: Sequence[Compared], console: Console) -> bool:
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


async def alive(settings: Settings, now: datetime) -> bool:
    """Return whether a running bot has updated its heartbeat in the store recently."""
    async with open_for_reading(settings.database_url) as store:
        return is_fresh((await store.health.pulse(now)).at, now)


async def pulse(settings: Settings, now: datetime) -> tuple[bool, str]:
    """Return whether the running bot is healthy, and a one-line summary."""
    try:
        async with open_for_reading(settings.database_url) as store:
            seen = await store.health.pulse(now)
    except StoreError as error:
        return False, f"Not well: {error}"
    if seen.at is None:
        return False, "Not at work: no bot has ever noted itself in this store. Is it started, and is this its store?"
    ago = f"the last heartbeat came {format_span(now - seen.at)} ago"
    if not is_fresh(seen.at, now):
        return False, f"Not at work: {ago}. Its log says why it ended or hangs."
    wrong = [f"{part}: {words}" for each in seen.troubles.values() for part, words in each.items()]
    if wrong:
        return False, f"Not well: {'; '.join(wrong).rstrip('.')}. The log says more."
    return True, f"At work: {ago}, and nothing is wrong."


def is_fresh(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at < STILL_FOR


def format_span(span: timedelta) -> str:
    """Format roughly, in one unit; after the clock was set back it is 0 seconds."""
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def _lately(heartbeat: str | None, now: datetime) -> bool:
    return is_fresh(datetime.fromisoformat(heartbeat) if heartbeat else None, now)
