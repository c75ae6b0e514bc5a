"""The text of a problem of a card file."""

from __future__ import annotations

from bot.cards.model import Problem
from bot.cli.console import ERR


def format_problem(finding: Problem) -> str:
    """Format as `file:line: severity: field: problem`, like compilers."""
    field = f"{finding.field}: " if finding.field else ""
    return f"{finding.file}:{finding.line}: {finding.severity}: {field}{finding.problem}"


def print_problem(finding: Problem, style: str) -> None:
    ERR.print(format_problem(finding), style=style, markup=False, highlight=False, soft_wrap=True)
