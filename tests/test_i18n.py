"""Every text that a person reads is in the catalogues, and every catalogue is whole."""

from __future__ import annotations

import ast
import asyncio
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message

from bot.i18n import ENGLISH, NAME, available_languages
from tests.support.tools import load_tool

ROOT = Path(__file__).parent.parent
OTHERS = [language for language in available_languages() if language != ENGLISH]
ROOMS = (
    "cogs",
    "bot/client",
    "bot/ui",
    "bot/posting",
    "bot/doctor/discord_checks.py",
    "bot/render",
    "bot/domain",
    "bot/delivery",
    "bot/worker",
    "bot/sources/write_back.py",
    "bot/cards/frontmatter_edit.py",
)
UNSAID = {
    "bot/client/discord_wait.py",  # read in the log and on the operator's terminal
    "bot/client/invite.py",  # read on the operator's terminal
    "bot/doctor/discord_checks.py",  # likewise
    "bot/worker/pipeline.py",  # read in the log, like those of the worker
    "bot/worker/worker.py",
    "bot/domain/story_text.py",  # words of titles
}
SAID = {"tr", "trn", "tr_noop", "tr_command_name"}
NOT_SAID = {"compile", "warning", "info", "debug", "error", "exception", "TypeVar", "create_task", "literal"}
WRITTEN = {"label", "placeholder", "title", "text", "description"}
"""Parts of messages: even a single word is said to somebody."""
SENTENCE = re.compile(r"[^\W\d_]{2,}[,;:.!?…*`]* [*`(“]*[^\W\d_]{2,}")
WORD = re.compile(r"[^\W\d_]{3,}")
COMMAND = re.compile(r"`/([a-zäöüß-]+(?: [a-zäöüß-]+)?)")


@cache
def load_template() -> Catalog:
    catalogue: Catalog = asyncio.run(load_tool("messages").extract_template())
    return catalogue


@cache
def load_translated(language: str) -> Catalog:
    catalogue: Catalog = load_tool("messages").update_catalogue(language, load_template())
    return catalogue


def list_texts(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def plural_forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    missing = [
        message.id
        for message in list_texts(load_translated(language))
        if not all(plural_forms(message.string)) or message.fuzzy
    ]

    assert not missing, f"python tools/messages.py, then translate {len(missing)}"


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_holds_nothing_that_nobody_says(language: str) -> None:
    with (ROOT / f"bot/locales/{language}.po").open("rb") as file:
        written = load_tool("messages").read_po(file)

    assert {(each.id, each.context) for each in list_texts(written)} == {
        (each.id, each.context) for each in list_texts(load_template())
    }


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_fills_the_same_places(language: str) -> None:
    """A plural's forms may leave out the count, as "a card" does in place of "1 card"."""
    for message in list_texts(load_translated(language)):
        wanted = placeholders(plural_forms(message.id)[-1])
        for form in plural_forms(message.string):
            optional = {"count"} if message.pluralizable else set()
            assert placeholders(form) | optional == wanted | optional, message.id


@pytest.mark.parametrize("language", OTHERS)
def test_names_of_commands_are_taken_by_discord(language: str) -> None:
    for message in list_texts(load_translated(language)):
        if message.context == NAME and plural_forms(message.id)[0].islower():
            (name,) = plural_forms(message.string)
            assert re.fullmatch(r"[-_\w]{1,32}", name), name
            assert name == name.lower()


@pytest.mark.parametrize("language", OTHERS)
def test_descriptions_and_choices_are_short_enough(language: str) -> None:
    commands = {
        message.id for message in list_texts(load_template()) if any(path == "cogs" for path, _ in message.locations)
    }
    for message in list_texts(load_translated(language)):
        if message.id in commands:
            assert len(plural_forms(message.string)[0]) <= 100, message.string


@pytest.mark.parametrize("language", OTHERS)
def test_commands_are_called_by_their_names(language: str) -> None:
    words = {
        plural_forms(message.string)[0] for message in list_texts(load_translated(language)) if message.context == NAME
    }
    for message in list_texts(load_translated(language)):
        for form in plural_forms(message.string):
            for command in COMMAND.findall(form):
                assert set(command.split()) <= words, form


def placeholders(text: str) -> set[str]:
    return {place for _, place, _, _ in string.Formatter().parse(text) if place is not None}


def source_files() -> Iterator[Path]:
    for room in ROOMS:
        path = ROOT / room
        found = [path] if path.suffix else sorted(path.rglob("*.py"))
        yield from (each for each in found if str(each.relative_to(ROOT)) not in UNSAID)


@pytest.mark.parametrize("path", list(source_files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_is_left_out(path: Path) -> None:
    known = {form for message in list_texts(load_template()) for form in plural_forms(message.id)}
    unsaid = list(_UntranslatedFinder(known).find_in(ast.parse(path.read_text("utf-8"))))

    assert not unsaid


class _UntranslatedFinder(ast.NodeVisitor):
    """Finds what is written for people and given to none of the functions that say things."""

    def __init__(self, known: set[str]) -> None:
        self._known = known
        self._found: list[str] = []

    def find_in(self, tree: ast.AST) -> list[str]:
        self.visit(tree)
        return self._found

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # docstrings
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Its decorators are left out: their texts are read from the commands."""
        for part in (*node.body, node.args):
            self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that `ast` calls

    def visit_Raise(self, node: ast.Raise) -> None:
        if isinstance(node.exc, ast.Call) and _call_name(node.exc) in {
            "UserError",
            "ChannelClosedError",
            "RewritingError",
        }:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if _call_name(node) in SAID and any(isinstance(argument, ast.JoinedStr) for argument in node.args[:2]):
            self._found.append(f"line {node.lineno}: no catalogue can hold an f-string")
        if _call_name(node) in SAID | NOT_SAID:
            return
        for keyword in node.keywords:
            if keyword.arg in WRITTEN and isinstance(keyword.value, ast.Constant | ast.JoinedStr):
                self._check_text(_literal_text(keyword.value), WORD)
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._check_text(_literal_text(node), SENTENCE)
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.visit(value.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._check_text(node.value, SENTENCE)

    def _check_text(self, text: str, words: re.Pattern[str]) -> None:
        if words.search(text) and text not in self._known and text not in self._found:
            self._found.append(text)


def _call_name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _literal_text(node: ast.expr) -> str:
    """What an f-string says besides its values."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""
