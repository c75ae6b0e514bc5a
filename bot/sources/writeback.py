"""PLACEHOLDER."""

from pathlib import Path

from bot.cards.model import FileStat
from bot.errors import UserError


def write_published(root: Path, known: FileStat, published: bool) -> None:
    raise UserError("not yet")
