"""Bring the catalogues in `bot/locales/` up to date with the code and the commands.

`python tools/messages.py [LANGUAGE…]`: new texts come in empty, texts that nobody says any more go out, translations
stay. Naming a language that has no catalogue yet, in Discord's spelling of locales, begins one.
"""

from __future__ import annotations

import ast
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from bot.app import open_bot
from bot.i18n import LOCALES, NAME, available_languages
from bot.settings import load_settings

ROOT = Path(__file__).parent.parent
_ROOMS = ("bot", "cogs")
_HEAD = {
    "project": "Newsdesk", "version": "", "last_translator": "", "language_team": "", "msgid_bugs_address": "",
    "charset": "utf-8",
}  # fmt: skip
_SAID_BY = {"tr": 1, "trn": 2, "tr_noop": 1}
"""Who says things, and how many forms of it."""


async def extract_template() -> Catalog:
    """Every text there is, as a catalogue without translations."""
    found = Catalog(**_HEAD)
    for path in sorted(each for room in _ROOMS for each in (ROOT / room).rglob("*.py")):
        for text in _iter_messages(ast.parse(path.read_text("utf-8"))):
            found.add(text, locations=[(str(path.relative_to(ROOT)), 1)])
    for text, context in await _command_messages():
        found.add(text, locations=[("cogs", 1)], context=context)
    return found


def _iter_messages(tree: ast.AST) -> Iterator[str | tuple[str, str]]:
    """What a module says, in its order. Babel's own search sees no calls inside of f-strings."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        if forms := _SAID_BY.get(call.func.id):
            texts = tuple(ast.literal_eval(argument) for argument in call.args[:forms] if _is_text(argument))
            if len(texts) == forms:
                yield texts[0] if forms == 1 else texts


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


async def _command_messages() -> list[tuple[str, str | None]]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/messages.db"
        settings = load_settings(_env_file=None, database_url=url, cards=ROOT / "data/cards")
        async with open_bot(settings, background=False) as bot:
            return [text for each in bot.tree.get_commands() for text in _iter_command_texts(each.to_dict(bot.tree))]


def _iter_command_texts(
    command: Mapping[str, Any], name_context: str | None = NAME
) -> Iterator[tuple[str, str | None]]:
    """The texts of a command, group or option, with their contexts. Names are words of their own, choices are not."""
    yield command["name"], name_context
    if description := command.get("description"):
        yield description, None
    for option in command.get("options", ()):
        yield from _iter_command_texts(option)
    for choice in command.get("choices", ()):
        yield from _iter_command_texts(choice, None)


def update_catalogue(language: str, template: Catalog) -> Catalog:
    """A language's catalogue with the texts of the template."""
    path, locale = LOCALES / f"{language}.po", Locale.parse(language, sep="-")
    catalogue = Catalog(locale=locale, header_comment=f"# Newsdesk: {language}", fuzzy=False, **_HEAD)
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=locale)
    template.creation_date = catalogue.creation_date
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def main(named: list[str]) -> None:
    if not LOCALES.is_relative_to(ROOT):
        raise SystemExit(f"The bot installed here is another checkout's, {LOCALES.parent}: use its tools.")
    template = asyncio.run(extract_template())
    for language in named or available_languages()[1:]:
        catalogue = update_catalogue(language, template)
        with (LOCALES / f"{language}.po").open("wb") as file:
            write_po(file, catalogue, width=120, sort_by_file=True, include_lineno=False, ignore_obsolete=True)
        missing = sum(1 for message in catalogue if message.id and not _is_translated(message.string))
        print(f"{language}: {len(catalogue)} texts, {missing} without translation")


def _is_translated(string: Any) -> bool:
    return all(string) if isinstance(string, list | tuple) else bool(string)


if __name__ == "__main__":
    main(sys.argv[1:])
