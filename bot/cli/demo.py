"""`newsdesk demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.demo import run_browser, run_headless
from bot.errors import UserError
from bot.i18n import ENGLISH

app = typer.Typer()


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Play a fixed story in the terminal instead.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the page; any free one by default.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    language: Annotated[str, typer.Option(help="The language of the people on the page, such as en or de.")] = ENGLISH,
) -> None:
    """The whole bot offline, against a Discord in your browser. Needs no token."""
    if headless and language != ENGLISH:
        raise UserError("The story in the terminal is in English only: leave out --language, or --headless.")
    if headless:
        raise typer.Exit(run_headless())
    run_browser(port=port, open_browser=browser, language=language)
