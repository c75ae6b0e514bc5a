"""README, `.env.example`, the Dockerfile and the code say the same."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import discord
import pytest
import typer.main

from bot.cli.commands import app
from bot.settings import PREFIX, Settings
from tests.support.stage import open_stage

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {"README.md", "CONTRIBUTING.md", "data/README.md"} | {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")}
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


def test_every_setting_is_in_the_readme_and_in_the_example() -> None:
    in_table = set(re.findall(r"^\| `(NEWSDESK_\w+)` \|", README, re.MULTILINE))
    in_example = set(re.findall(r"^#?(NEWSDESK_\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert in_table == SETTINGS
    assert in_example == SETTINGS


def test_the_defaults_in_the_readme_are_those_of_the_code() -> None:
    for name, default in re.findall(r"^\| `NEWSDESK_(\w+)` \| `([^`…]+)` \|", README, re.MULTILINE):
        value = Settings.model_fields[name.lower()].get_default(call_default_factory=True)
        separator = os.pathsep if name == "CARDS" else ","
        shown = separator.join(map(str, value)) if type(value) is tuple else str(value)
        assert shown.lower() == default.lower(), name


async def test_every_slash_command_is_in_the_readme_and_the_other_way_round(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        found = {command.qualified_name for command in stage.bot.tree.walk_commands() if not _is_group(command)}
    table = README.split("## In Discord")[1].split("## On the command line")[0]
    subcommands = {name.split()[1] for name in found if " " in name}
    in_readme = set(re.findall(rf"`/([a-z]+(?: (?:{'|'.join(subcommands)}))?)\b", table))
    assert found == in_readme


async def test_the_options_of_a_search_are_in_the_readme(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        (search,) = [each for each in stage.bot.tree.walk_commands() if each.qualified_name == "search"]
        assert isinstance(search, discord.app_commands.Command)
        options = [option.name if option.required else f"[{option.name}]" for option in search.parameters]
    assert f"| `/search {' '.join(options)}` |" in README


def _is_group(command: object) -> bool:
    return isinstance(command, discord.app_commands.Group)


def test_every_command_of_the_program_is_in_the_readme() -> None:
    group = typer.main.get_command(app)
    in_readme = set(re.findall(r"^\| `newsdesk (\w+)", README, re.MULTILINE))
    assert set(getattr(group, "commands", {})) == in_readme


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_between_the_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_lock_names_no_index_and_holds_every_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["demo"]
    wanted += project["dependency-groups"]["dev"]
    assert "://" not in lock
    locked = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    for requirement in wanted:
        name = re.match(r"[\w.-]+", requirement)
        assert name
        assert name[0].lower().replace(".", "-") in locked | {"discord-py"}, requirement


def test_the_seed_card_is_among_the_sample_cards() -> None:
    text = (ROOT / "data/cards/2020-02-05-infoworlds-2020-technology-of-the-year-award-winners.md").read_bytes()
    assert "InfoWorldâ€™s 2020".encode() in text
