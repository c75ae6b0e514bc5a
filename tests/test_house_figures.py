"""How readable the code is, in figures that must not get worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.tools import TOOLS, load_tool

MOST_ONE_WORD_NAMES = 45.0
MOST_PAST_FORMS = 4.0
"""Per cent of all functions."""
FEWEST_COMMENTS = 2.5
"""In 100 lines of code. Not a goal in itself: a comment says why, where the code is clever."""


@pytest.fixture(scope="module")
def tool() -> Any:
    return load_tool("house_figures")


def test_the_code_keeps_to_the_figures(tool: Any) -> None:
    figures = tool.measure_house()
    assert len(figures.functions) > 1000
    assert figures.one_word_share <= MOST_ONE_WORD_NAMES
    assert figures.past_form_share <= MOST_PAST_FORMS
    assert figures.circles == ()
    assert figures.comments_per_100 >= FEWEST_COMMENTS


@pytest.mark.parametrize("name", ["listed", "_told", "had_cards", "made_of", "is_told"])
def test_a_name_is_in_a_past_form_by_its_first_word(tool: Any, name: str) -> None:
    assert tool.is_past_form(name) is not name.startswith("is_")


@pytest.mark.parametrize("name", ["embed", "feed_items", "put_card", "need", "read_file", "ed"])
def test_a_verb_that_looks_like_a_past_form_is_none(tool: Any, name: str) -> None:
    assert not tool.is_past_form(name)


def _write_house(folder: Path, **modules: str) -> Path:
    for room in ("bot", "cogs"):
        (folder / room).mkdir()
        (folder / room / "__init__.py").touch()
    for name, code in modules.items():
        (folder / f"bot/{name}.py").write_text(code, "utf-8")
    return folder


def test_imports_inside_functions_and_for_types_close_a_circle(tool: Any, tmp_path: Path) -> None:
    house = _write_house(
        tmp_path,
        one="def load():\n    from bot import two\n",
        two="if TYPE_CHECKING:\n    from .three import Thing\n",
        three="import bot.one\n",
        below="import json\n",
        above="from bot.below import x\nfrom bot.one import load\n",
    )
    assert tool.measure_house(house).circles == (("bot.one", "bot.three", "bot.two"),)


def test_comments_count_beside_code_without_docstrings_and_notes_to_linters(tool: Any, tmp_path: Path) -> None:
    code = '"""Doc.\n\nString.\n"""\n\n# why\nx = 1  # because\ny = 2  # noqa: E501\n\ndef listed():\n    return "#"\n'
    figures = tool.measure_house(_write_house(tmp_path, one=code))
    assert (figures.comments, figures.code_lines) == (2, 4)
    assert (figures.one_word, figures.past_forms) == (["listed"], ["listed"])


async def test_each_trip_reaches_its_end_and_enters_the_store_but_not_the_stage() -> None:
    trips = await load_tool("house_trips").measure_trips(TOOLS.parent)
    assert len(trips) == 5
    for name, tracer in trips.items():
        packages = {Path(file).relative_to(TOOLS.parent).parts[:2] for file in tracer.files}
        assert ("bot", "store") in packages, name
        assert ("bot", "demo") not in packages, name
