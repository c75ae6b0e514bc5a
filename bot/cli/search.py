"""`newsdesk search`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.cli.console import OUT, PROBLEMS, format_count
from bot.domain.search_query import is_only_exclusions
from bot.errors import UserError
from bot.settings import load_settings
from bot.store import open_read_only
from bot.store.cards.card_query import CardPage, CardQuery

app = typer.Typer()
_COUNTED = 1000
"""Results are counted up to here."""


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="What to find.")],
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 10,
) -> None:
    """Search the published cards of the store, newest first. Exit code 1 when none is found."""
    raise typer.Exit(0 if asyncio.run(_search_cards(" ".join(words), count)) else PROBLEMS)


async def _search_cards(words: str, count: int) -> bool:
    """Print hits, newest first. Return False if there are none."""
    if is_only_exclusions(words):
        raise UserError(f"“{words}” only says what to leave out. Add a word to find.")
    query = CardQuery(words, every_card=True)
    async with open_read_only(load_settings().database_url) as store:
        page = await store.cards.search_cards(query, 0, limit=count)
        if not page.cards:
            close = await store.cards.spelling.suggest_query(query, 0)
            _print_line(f"Nothing found for “{words}”." + (f" Did you mean “{close.words}”?" if close else ""))
            return False
        total = await store.cards.count_hits(page, limit=_COUNTED)
    shown = f", the newest {len(page.cards)}" if total > len(page.cards) else ""
    _print_line(f"{format_count(total, 'result')}{' or more' if total >= _COUNTED else ''} for “{words}”{shown}:")
    _print_hits(page)
    return True


def _print_hits(page: CardPage) -> None:
    for hit in page.cards:
        provider = hit.card.provider.name if hit.card.provider else ""
        _print_line(f"{hit.card.published_at:%Y-%m-%d}  {hit.card.title}")
        for detail in (f"{provider}  {hit.card.slug}", hit.card.url):
            if detail:
                _print_line(f"            {detail.strip()}", "dim")


def _print_line(text: str, style: str | None = None) -> None:
    OUT.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
