"""Write the tables of commands and settings in `docs/` from the code: `make reference`.

Each table stands between two comments, `<!-- begin: NAME -->` and `<!-- end: NAME -->`; the text around them is written
by hand.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import discord
import typer.main
from discord import app_commands
from pydantic.fields import FieldInfo

from bot.app import open_bot
from bot.cli.command_group import LazyCommand
from bot.cli.commands import app
from bot.settings import PREFIX, Settings, load_settings

DOCS = Path(__file__).parent.parent / "docs"
MOST_OPTIONS = 8
"""How many options are shown behind a command; its group's table of options has them all."""
Command = app_commands.Command[Any, ..., Any]
Tree = app_commands.CommandTree[Any]


def render_table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """Render a table under `head`, its columns' names separated by commas."""
    names = head.split(", ")
    lines = [names, ["---"] * len(names), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


def render_slash_commands(tree: Tree) -> str:
    """Render all slash commands and menu entries, a section for each group of people who may use them."""
    groups = [each for each in tree.get_commands() if isinstance(each, app_commands.Group)]
    shared = [each for each in groups if not each.default_permissions]
    single = [each for each in tree.get_commands() if isinstance(each, app_commands.Command)]
    everyone = [each for each in single if not each.default_permissions]
    everyone += [each for group in shared for each in _iter_commands(group)]
    owners = [each for each in single if each.default_permissions]
    sections = [("Everyone", everyone)]
    sections += [(_title(group), list(_iter_commands(group))) for group in groups if group not in shared]
    sections.append(("The bot's owners", owners))
    return "\n".join(_render_section(*section) for section in sections) + "\n" + _render_menu(tree)


def _iter_commands(group: app_commands.Group) -> Iterator[Command]:
    return (each for each in group.walk_commands() if isinstance(each, app_commands.Command))


def _title(group: app_commands.Group) -> str:
    granted = [name for name, is_granted in group.default_permissions or () if is_granted]
    names = [name.replace("guild", "server").replace("_", " ").title() for name in granted]
    return f"`/{group.name}`: for those with {', '.join(names)}"


def _render_section(title: str, commands: list[Command]) -> str:
    table = render_table("command, what it does", ((f"`{_signature(each)}`", each.description) for each in commands))
    options: dict[tuple[str, str], list[str]] = {}
    for command in commands:
        for option in command.parameters:
            options.setdefault((option.display_name, _describe_option(option)), []).append(command.name)
    rows = ((f"`{name}`", ", ".join(of), text) for (name, text), of in sorted(options.items()))
    return f"### {title}\n\n{table}" + (f"\n{render_table('option, of, meaning', rows)}" if options else "")


def _signature(command: Command) -> str:
    needed = [each.display_name for each in command.parameters if each.required]
    others = [f"[{each.display_name}]" for each in command.parameters if not each.required]
    return " ".join([f"/{command.qualified_name}", *needed, *(others if len(others) <= MOST_OPTIONS else ["…"])])


def _describe_option(option: app_commands.Parameter) -> str:
    choices = "; ".join(str(each.name) for each in option.choices)
    return f"{option.description}. One of: {choices}" if choices else str(option.description)


def _render_menu(tree: Tree) -> str:
    entries = tree.get_commands(type=discord.AppCommandType.message)
    rows = ((f"*Apps → {each.name}*", each.extras["description"]) for each in entries)
    return f"### In the menu of a message\n\n{render_table('entry, what it does', rows)}"


def render_program() -> str:
    """Render the commands of the program with their arguments and options."""
    return "\n".join(_iter_program(typer.main.get_command(app), "newsdesk"))


def _iter_program(group: Any, path: str) -> Iterator[str]:
    for name, entry in group.commands.items():
        command = entry.load() if isinstance(entry, LazyCommand) else entry
        if hasattr(command, "commands"):
            yield from _iter_program(command, f"{path} {name}")
            continue
        shown = [each for each in command.params if not getattr(each, "hidden", False) and each.name != "help"]
        usage = " ".join([path, name, *(_usage(each) for each in shown)])
        about = " ".join((command.help or "").split())
        rows = ((f"`{_option_name(each)}`", each.help or "") for each in shown)
        yield f"### `{path} {name}`\n\n```text\n{usage}\n```\n\n{about}\n" + (
            f"\n{render_table('option, meaning', rows)}" if shown else ""
        )


def _is_argument(parameter: Any) -> bool:
    return not parameter.opts[0].startswith("-")


def _option_name(parameter: Any) -> str:
    return parameter.name.upper() if _is_argument(parameter) else ", ".join(parameter.opts + parameter.secondary_opts)


def _usage(parameter: Any) -> str:
    if _is_argument(parameter):
        text = parameter.name.upper() + ("…" if parameter.nargs == -1 else "")
    elif getattr(parameter, "is_flag", False):
        text = "|".join(parameter.opts + parameter.secondary_opts)
    else:
        text = f"{parameter.opts[0]} {_value_text(parameter)}"
    return text if parameter.required else f"[{text}]"


def _value_text(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(each.value) for each in kind)
    return str(parameter.opts[0].removeprefix("--").upper())


def render_settings() -> str:
    rows = (
        (
            f"`{PREFIX}{name.upper()}`",
            f"`{default}`" if (default := _default_text(field)) else "",
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    )
    return render_table("variable, default, meaning", rows)


def _default_text(field: FieldInfo) -> str:
    """The default as it would be written into `.env`; empty if it is unset or depends on the machine."""
    value = field.default if field.default_factory is None else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if type(value) is tuple:
        separator = os.pathsep if value and isinstance(value[0], Path) else ","
        return separator.join(map(str, value))
    return "" if value is None else str(value)


async def render_tables() -> dict[str, str]:
    """Every table by the name between its comments. The bot is opened on an empty store, and not logged in."""
    with TemporaryDirectory() as folder:
        settings = load_settings(
            _env_file=None, database_url=f"sqlite+aiosqlite:///{folder}/newsdesk.db", cards=(Path(folder),)
        )
        async with open_bot(settings, background=False) as bot:
            slash = render_slash_commands(bot.tree)
    return {"slash commands": slash, "program": render_program(), "settings": render_settings()}


def fill_page(text: str, tables: dict[str, str]) -> str:
    """Replace what stands between the comments. Raises `KeyError` for a name that no table has."""
    return re.sub(
        r"(?P<begin><!-- begin: (?P<name>[a-z ]+) -->\n).*?(?P<end><!-- end: (?P=name) -->)",
        lambda found: f"{found['begin']}\n{tables[found['name']]}\n{found['end']}",
        text,
        flags=re.DOTALL,
    )


async def render_pages() -> dict[Path, str]:
    tables = await render_tables()
    return {page: fill_page(page.read_text("utf-8"), tables) for page in (DOCS / "commands.md", DOCS / "settings.md")}


if __name__ == "__main__":
    for path, text in asyncio.run(render_pages()).items():
        path.write_text(text, "utf-8")
        print(f"docs/{path.name} is written.")
