"""The table of options: each field of a subscription has its row, and the commands offer what the table says."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from discord import app_commands

from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.ui.option_table import LASTING_OPTIONS, OPTIONS, SELECTING_OPTIONS, Option, parse_given, summarize_options
from cogs.digest import DigestCommands

_COMMANDS: dict[str, tuple[list[str], tuple[Option, ...], list[str]]] = {
    # what the command takes before them, the options, what it takes after them
    "subscribe": (["channel"], OPTIONS, []),
    "edit": (["subscription"], LASTING_OPTIONS, ["remove_mention"]),
    "whatif": ([], SELECTING_OPTIONS, []),
}


def _find_command(name: str) -> app_commands.Command[Any, ..., Any]:
    (command,) = (each for each in DigestCommands.__cog_app_commands__ if each.name == name)
    assert isinstance(command, app_commands.Command)
    return command


def test_each_field_is_set_by_one_option() -> None:
    assert sorted(option.field_name or option.name for option in OPTIONS) == sorted(
        each.name for each in fields(SubscriptionOptions)
    )


@pytest.mark.parametrize("name", _COMMANDS)
def test_a_command_offers_the_options_of_the_table(name: str) -> None:
    before, options, after = _COMMANDS[name]
    parameters = {each.name: each for each in _find_command(name).parameters}
    assert list(parameters) == [*before, *(option.name for option in options), *after]
    for option in options:
        parameter = parameters[option.name]
        assert not parameter.required
        assert str(parameter.description) == option.description
        assert [choice.name for choice in parameter.choices] == list(option.choices.values())
        assert parameter.autocomplete is (option.complete is not None)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_choice_is_parsed(option: Option) -> None:
    for value in option.choices:
        parsed = parse_given({option.name: str(value)})
        assert parsed in ({option.field_name or option.name: value}, {"language": None})


def test_an_ordinary_subscription_has_no_summary() -> None:
    assert summarize_options(SubscriptionOptions()) == []
    assert summarize_options(SubscriptionOptions(Frequency.DAILY)) == ["at most 10 cards"]
