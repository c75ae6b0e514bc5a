"""`newsdesk doctor`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from bot.cli.console import PROBLEMS, format_count
from bot.clock import utc_now
from bot.doctor import Finding, run_checks
from bot.settings import load_settings

app = typer.Typer()


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask Discord nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line: severity, what, fix.")] = False,
) -> None:
    """Look for what keeps the bot from working, and say how to fix it. Changes nothing. Exit code 1 with findings."""
    found = asyncio.run(run_checks(load_settings(), utc_now, offline=offline))
    sys.stdout.write(format_diagnosis_as_json(found) if as_json else format_diagnosis_as_text(found))
    raise typer.Exit(PROBLEMS if any(finding.is_trouble for finding in found) else 0)


def format_diagnosis_as_text(findings: Sequence[Finding]) -> str:
    """Format one finding per paragraph with its fix indented, then the totals."""
    paragraphs = (f"{each.severity}: {each.what}\n" + (f"    {each.fix}\n" if each.fix else "") for each in findings)
    troubles = sum(each.is_trouble for each in findings)
    return "".join(paragraphs) + (f"{format_count(troubles, 'finding')}\n" if troubles else "All is well.\n")


def format_diagnosis_as_json(findings: Sequence[Finding]) -> str:
    """Format one JSON object per line: severity, what, fix."""
    return "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in findings)
