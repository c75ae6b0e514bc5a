"""`newsdesk check` and `newsdesk new`: card files as they are written."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cards.model import Problem, Severity
from bot.cli.console import PROBLEMS, format_count, report_write_errors
from bot.cli.problems import format_problem, print_problem
from bot.clock import utc_now
from bot.settings import load_settings
from bot.sources.folder import ReadingRules
from bot.sources.lint import LintReport, check_paths
from bot.sources.new_card import create_card_file

app = typer.Typer()


class OutputFormat(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; NEWSDESK_CARDS by default.")] = None,
    form: Annotated[OutputFormat, typer.Option("--format", help="How findings are written.")] = OutputFormat.TEXT,
) -> None:
    """Say what is wrong with card files. Exit code 1 when there is an error; a file that is no news card is a note."""
    settings = load_settings()
    result = check_paths(paths or settings.cards, ReadingRules(settings.cards_need_category, utc_now()))
    write = {
        OutputFormat.TEXT: format_as_text,
        OutputFormat.JSON: format_as_json,
        OutputFormat.GITHUB: format_as_github,
    }
    sys.stdout.write(write[form](result))
    raise typer.Exit(PROBLEMS if result.errors else 0)


@app.command()
def new(
    title: Annotated[str, typer.Argument(help="The card's title.")],
    url: Annotated[str | None, typer.Option(help="The address that it leads to.")] = None,
    topics: Annotated[str, typer.Option(help="Its topics, separated by commas.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Where to; the first of NEWSDESK_CARDS by default.")] = None,
) -> None:
    """Write a card file to complete by hand, and say its path. It is held until its `published` says true."""
    settings = load_settings()
    with report_write_errors("The card"):
        made = create_card_file(
            folder or settings.cards[0], title, url, topics.split(","), utc_now(), beside=settings.cards
        )
    for note in made.notes:
        print_problem(note, "dim")
    sys.stdout.write(f"{made.path}\n")


def format_as_text(result: LintReport) -> str:
    """Format one finding per line, then the totals. Identical notes on many files are abridged."""
    notes = len(result.findings) - result.errors
    counts = {"file": result.files, "news card": result.cards, "error": result.errors, "note": notes}
    total = ", ".join(format_count(count, noun) for noun, count in counts.items())
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
