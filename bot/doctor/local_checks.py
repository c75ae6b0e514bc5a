"""Local checks: files and permissions, the database, the cards."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.cards.model import Severity as CardSeverity
from bot.doctor.finding import Finding, Severity
from bot.errors import NewsdeskError, SettingsError, UserError
from bot.settings import PREFIX, Settings
from bot.sources.folder import ReadingRules
from bot.sources.lint import check_paths
from bot.store.inspection import DatabaseReport, DatabaseState
from bot.store.migrations.prerelease import TOO_OLD_FIX

_SHOWN = 3
"""Maximum broken cards listed; `newsdesk check` lists all."""
_TOKEN = re.compile(rf"^[ \t]*(?:export[ \t]+)?{PREFIX}TOKEN[ \t]*=[ \t]*[^\s#]", re.MULTILINE | re.IGNORECASE)
_NEWER = "Run that newer version, or put a backup of this one back with newsdesk restore FILE."
_RESTORE = "Stop the bot and put a backup back: newsdesk restore FILE. Then have the disk checked."


def check_token(settings: Settings) -> tuple[str | None, list[Finding]]:
    """Return the token, and what is wrong with it as far as can be checked offline."""
    try:
        return settings.bot_token(), []
    except SettingsError as error:
        return None, [_to_finding(error)]


def _to_finding(error: NewsdeskError) -> Finding:
    return Finding(Severity.ERROR, error.what.rstrip("."), error.fix)


def check_files(settings: Settings) -> Iterator[Finding]:
    """Find secrets that others can read, and folders that the bot cannot use."""
    if settings.token_file:
        yield from _check_file_mode(settings.token_file)
    env = Path(".env")
    # A `.env` without a token may be readable by anybody.
    if env.is_file() and os.access(env, os.R_OK) and _TOKEN.search(env.read_text("utf-8", errors="replace")):
        yield from _check_file_mode(env)
    for folder in settings.cards:
        if folder.is_dir():
            yield from _check_folder(folder, write=settings.write_back)


def _check_folder(folder: Path, *, write: bool) -> Iterator[Finding]:
    if not os.access(folder, os.R_OK | os.X_OK):
        yield Finding(Severity.ERROR, f"The folder of cards {folder} cannot be read", f"chmod u+rx {folder}")
    if write and not os.access(folder, os.W_OK):
        fix = f"chmod u+w {folder}, or unset NEWSDESK_WRITE_BACK"
        yield Finding(Severity.ERROR, f"NEWSDESK_WRITE_BACK is set, but {folder} cannot be written", fix)


def _check_file_mode(path: Path) -> Iterator[Finding]:
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # its reader reports the reason
    if mode & stat.S_IROTH:
        yield Finding(Severity.WARNING, f"Everybody on this machine can read the token in {path}", f"chmod 600 {path}")


def check_cards(folders: Sequence[Path], *, need_category: bool = False) -> Iterator[Finding]:
    """Report the number of broken cards, and the first few."""
    named = ", ".join(map(str, folders))
    try:
        checked = check_paths(folders, ReadingRules(need_category))
    except UserError as error:
        yield Finding(Severity.ERROR, error.what.rstrip("."), "Set NEWSDESK_CARDS to the folder of cards.")
        return
    except OSError as error:
        fix = f"Let the bot's user read it: chmod u+rx {error.filename}"
        yield Finding(Severity.ERROR, f"{error.filename} cannot be listed: {error.strerror}", fix)
        return
    errors = [each for each in checked.findings if each.severity is CardSeverity.ERROR]
    if errors:
        some = "; ".join(f"{each.file}:{each.line}: {each.field}: {each.problem}" for each in errors[:_SHOWN])
        more = " …" if len(errors) > _SHOWN else ""
        what = f"{len(errors)} errors in {checked.files} card files: {some}{more}"
        yield Finding(Severity.WARNING, what, "Fix what `newsdesk check` lists.")
    elif not checked.cards:
        yield Finding(
            Severity.WARNING, f"There is no news card in {named}", "Set NEWSDESK_CARDS to the folder of cards."
        )
    else:
        yield Finding(Severity.NOTE, f"News cards in {named}: {checked.cards:,}, all well")


def check_database(report: DatabaseReport) -> Iterator[Finding]:
    """Check that the bot can use the database, and its integrity."""
    if report.file is None:
        yield from _check_server_database(report)
    else:
        yield from _check_database_file(report, report.file)


def _check_server_database(report: DatabaseReport) -> Iterator[Finding]:
    if report.error is not None:
        yield _to_finding(report.error)
    elif report.state is DatabaseState.FOREIGN:
        fix = "Point NEWSDESK_DATABASE_URL at a database of its own."
        yield Finding(Severity.ERROR, f"The database {report.place} belongs to another program", fix)
    elif report.state is DatabaseState.NEWER:
        what = f"The database {report.place} was written by a newer version of Newsdesk"
        yield Finding(Severity.ERROR, what, "Run that newer version.")
    elif report.state is DatabaseState.TOO_OLD:
        yield _too_old_finding(report.place)
    elif report.state is DatabaseState.MOVING:
        yield _moving_finding(report.place)
    else:
        yield Finding(Severity.NOTE, f"The database {report.place} answers {_ANSWERS[report.state]}")


def _too_old_finding(place: str) -> Finding:
    return Finding(Severity.ERROR, f"The database {place} is too old for this version of Newsdesk", TOO_OLD_FIX)


def _moving_finding(place: str) -> Finding:
    fix = "Set NEWSDESK_DATABASE_URL to where it comes from, and run `newsdesk migrate` again with this one as --to."
    return Finding(Severity.ERROR, f"A store is being moved to {place}, and not all of it is there", fix)


_ANSWERS = {
    DatabaseState.OLDER: "and is empty or of an older version; the next start brings it up to date",
    DatabaseState.CURRENT: "and is of this version",
}


def _check_database_file(report: DatabaseReport, path: Path) -> Iterator[Finding]:
    state = report.state
    yield from _check_writable(path)
    if report.error is not None:
        yield Finding(Severity.ERROR, f"{path} cannot be opened as a database: {report.error}", _RESTORE)
    elif state is DatabaseState.FOREIGN:
        fix = "Point NEWSDESK_DATABASE_URL at a file of its own."
        yield Finding(Severity.ERROR, f"{path} belongs to another program", fix)
    elif state is DatabaseState.NEWER:
        yield Finding(Severity.ERROR, f"{path} was written by a newer version of Newsdesk", _NEWER)
    elif state is DatabaseState.TOO_OLD:
        yield _too_old_finding(report.place)
    elif state is DatabaseState.MOVING:
        yield _moving_finding(report.place)
    elif report.damage:
        yield Finding(Severity.ERROR, f"{path} is damaged: {'; '.join(report.damage)}", _RESTORE)
    # The lock file stays behind when the database is deleted; a new store has none yet.
    elif state is DatabaseState.MISSING and path.with_name(f"{path.name}-duty").exists():
        what = f"{path} is gone: a bot has worked with it, and its lock still lies beside"
        yield Finding(Severity.ERROR, what, "Put the database back, or a backup: newsdesk restore FILE.")
    else:
        yield Finding(Severity.NOTE, f"{path}: {_WELL[state]}")


_WELL = {
    DatabaseState.MISSING: "the database does not exist yet; the first start makes it",
    DatabaseState.OLDER: "the database is whole, of an older version; the next start brings it up to date",
    DatabaseState.CURRENT: "the database is whole and of this version",
}


def _check_writable(path: Path) -> Iterator[Finding]:
    """Return the paths to check; SQLite also creates files next to the database, so its folder is included."""
    # The folder may not exist yet: then its nearest parent must allow making it.
    folder = next((each for each in path.absolute().parents if each.exists()), Path("/"))
    places = [folder, *([path] if path.exists() else [])]
    for place in places:
        if not os.access(place, os.W_OK) or (place is folder and not folder.is_dir()):
            fix = f"Make it a folder of the bot's user: chown it, or chmod u+w {place}"
            yield Finding(Severity.ERROR, f"The database cannot be written: {place} does not allow it", fix)
