"""The pages, `.env.example`, the Dockerfile and the code say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer.main

from bot.cli.commands import app
from bot.settings import PREFIX, Settings
from tests.support.stage import open_stage
from tests.support.tools import load_tool

ROOT = Path(__file__).parent.parent
PAGES = {"README.md", "CONTRIBUTING.md", "data/README.md"} | {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")}
_SLASH = re.compile(r"`/([a-z]+)(?: ([a-z]+))?[^`/]*`")
_ENDPOINTS = {"cards", "healthz", "metrics", "readyz"}
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


def test_every_setting_is_in_the_example() -> None:
    in_example = set(re.findall(r"^#?(NEWSDESK_\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert in_example == SETTINGS


async def test_the_tables_are_those_of_the_code() -> None:
    for page, text in (await load_tool("reference").render_pages()).items():
        assert page.read_text("utf-8") == text, "run `make reference`"


def test_text_around_a_table_stays_and_an_unknown_table_is_refused() -> None:
    fill_page = load_tool("reference").fill_page
    page = "Before\n<!-- begin: some table -->\nold\n<!-- end: some table -->\nAfter\n"
    filled = fill_page(page, {"some table": "new\n"})
    assert filled == "Before\n<!-- begin: some table -->\n\nnew\n\n<!-- end: some table -->\nAfter\n"
    assert fill_page(filled, {"some table": "new\n"}) == filled
    with pytest.raises(KeyError):
        fill_page(page, {"settings": ""})


def test_a_cell_cannot_end_its_column() -> None:
    table = load_tool("reference").render_table("name, meaning", [("`a`", "this | that"), ("`b`", "")])
    assert table == "| name | meaning |\n| --- | --- |\n| `a` | this \\| that |\n| `b` | |\n"


async def test_every_command_that_a_page_names_exists(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        known = {command.qualified_name for command in stage.bot.tree.walk_commands()}
    groups = {name.split()[0] for name in known if " " in name}
    for page in sorted(PAGES):
        for root, sub in _SLASH.findall((ROOT / page).read_text("utf-8")):
            assert root in known | _ENDPOINTS, (page, root)
            assert not sub or root not in groups or f"{root} {sub}" in known, (page, root, sub)


def test_every_program_command_and_setting_that_a_page_names_exists() -> None:
    commands = set(getattr(typer.main.get_command(app), "commands", {}))
    for page in sorted(PAGES):
        text = (ROOT / page).read_text("utf-8")
        assert set(re.findall(r"`newsdesk ([a-z]+)", text)) <= commands, page
        assert set(re.findall(r"NEWSDESK_[A-Z_]*[A-Z]", text)) <= SETTINGS, page


def test_the_readme_fits_on_a_page() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_between_the_pages_lead_somewhere(page: str) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", (ROOT / page).read_text("utf-8")):
        linked = (ROOT / page).parent.joinpath(target) if target else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in _list_anchors(linked), (target, anchor)


def _list_anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub and the site's generator make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in sorted(PAGES) if page.startswith("docs/")])
def test_pages_of_the_site_link_to_nothing_outside_of_it(page: str) -> None:
    assert "](../" not in (ROOT / page).read_text("utf-8")


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    navigation = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]
    listed = re.findall(r"'([\w-]+\.md)'", str(navigation))
    assert sorted(listed) == sorted(page.name for page in ROOT.glob("docs/*.md"))


def test_the_lock_of_the_site_names_no_index_and_holds_its_generator() -> None:
    lock = (ROOT / "requirements-docs.lock").read_text("utf-8")
    assert "://" not in lock
    assert re.search(r"^zensical==", lock, re.MULTILINE)


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
