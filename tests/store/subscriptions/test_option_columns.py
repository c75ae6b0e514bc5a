"""Options as columns: what is stored comes back, and one bad value costs its own option alone."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.subscription import Frequency, Layout, OnWithdrawal, SubscriptionOptions
from bot.store.subscriptions.option_columns import (
    collapse_options,
    expand_options,
    format_options,
    option_columns,
    parse_exclusions,
    parse_message_options,
    parse_options,
)

OTHERS = SubscriptionOptions(
    frequency=Frequency.DAILY,
    times=(time(9), time(18, 30)),
    days=(0, 6),
    timezone="Europe/Berlin",
    topics=("Space",),
    excluded=("gossip", "Ünïcode"),
    words=('"open source"', "chip"),
    providers=("NASA",),
    min_quality=60,
    max_cards=5,
    layout=Layout.LIST,
    mention_role_id=2**60,
    crosspost=True,
    on_withdrawal=OnWithdrawal.MARK,
    skip_empty=False,
    silent=True,
    language="de",
    backfill=3,
    keep_days=30,
    thread=True,
    colour=0x3E82F6,
    template="News: {title}",
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def store_row(options: SubscriptionOptions, **stored: Any) -> dict[str, Any]:
    """A row as the database gives it back, with other values in its JSON column."""
    row = option_columns(options)
    return row | {"options": json.loads(json.dumps(row["options"])) | stored}


def test_every_option_comes_back() -> None:
    assert all(getattr(OTHERS, each.name) != each.default for each in fields(OTHERS))
    assert parse_options(store_row(OTHERS), ("Space",)) == (OTHERS, ())


def test_defaults_take_no_room() -> None:
    assert format_options(SubscriptionOptions()) == {}
    assert parse_options(store_row(SubscriptionOptions())) == (SubscriptionOptions(), ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("times", ["25:00"]),
        ("times", "09:00"),
        ("days", [7]),
        ("days", [True]),
        ("excluded", [1]),
        ("words", "chip"),
        ("providers", [None]),
        ("colour", "blue"),
        ("colour", 0x1000000),
        ("colour", -1),
        ("template", 1),
        ("template", "x" * 201),
        ("max_cards", 0),
        ("max_cards", "5"),
        ("layout", "poster"),
        ("mention_role_id", "everyone"),
        ("backfill", 6),
        ("keep_days", 366),
        ("keep_days", -1),
        ("skip_empty", "no"),
        ("skip_empty", None),
    ],
)
def test_a_bad_value_costs_its_own_option_alone(name: str, value: Any) -> None:
    options, unusable = parse_options(store_row(OTHERS, **{name: value}), ("Space",))
    assert unusable == (name,)
    kept = {each.name: getattr(options, each.name) for each in fields(options)}
    assert kept.pop(name) == getattr(SubscriptionOptions(), name)
    assert all(value == getattr(OTHERS, each) for each, value in kept.items())


def test_an_unknown_zone_is_kept_to_be_shown() -> None:
    options, unusable = parse_options(store_row(OTHERS, timezone="Mars/Olympus"))
    assert (options.timezone, unusable) == ("Mars/Olympus", ("timezone",))


def test_an_instant_subscription_does_not_mind_the_options_of_digests() -> None:
    row = store_row(SubscriptionOptions(), times=1, days="x", timezone=None, max_cards=-1, layout=[])
    assert parse_options(row) == (SubscriptionOptions(), ())
    assert parse_options(row | {"options": {"mention_role_id": "x"}})[1] == ("mention_role_id",)


@given(JSON_VALUES, st.sampled_from(Frequency))
def test_whatever_stands_in_the_column_is_parsed(stored: object, when: Frequency) -> None:
    options, unusable = parse_options(option_columns(SubscriptionOptions(when)) | {"options": stored})
    assert options.frequency is when
    assert ("options" in unusable) is not isinstance(stored, dict)
    parse_message_options(stored)


def test_a_delivery_reads_its_copy() -> None:
    options = parse_message_options(json.loads(json.dumps(format_options(OTHERS))) | {"newer": 1})
    assert (options.mention_role_id, options.layout, options.excluded) == (
        OTHERS.mention_role_id,
        OTHERS.layout,
        OTHERS.excluded,
    )
    assert parse_message_options({"mention_role_id": "x", "max_cards": 3}) == SubscriptionOptions(max_cards=3)


def test_exclusions_are_read_alone() -> None:
    assert parse_exclusions({"excluded": ["a"], "times": 1}) == ("a",)
    assert parse_exclusions({}) == ()
    broken: list[object] = [None, [], {"excluded": None}]
    for bad in broken:
        with pytest.raises((ValueError, TypeError)):
            parse_exclusions(bad)


def test_an_export_names_each_option_and_is_taken_back() -> None:
    row = {"id": 1, **store_row(OTHERS)}
    exported = expand_options(row)
    assert "options" not in exported
    assert exported["times"] == ["09:00", "18:30"]
    assert collapse_options(exported) == row
    plain = expand_options(store_row(SubscriptionOptions()))
    assert {
        name: plain[name] for name in ("times", "timezone", "max_cards", "layout", "mention_role_id", "skip_empty")
    } == {
        "times": [],
        "timezone": "UTC",
        "max_cards": 10,
        "layout": "cards",
        "mention_role_id": None,
        "skip_empty": True,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("times", "9"), ("max_cards", True), ("mention_role_id", "1"), ("skip_empty", 1), ("layout", None)],
)
def test_an_import_refuses_what_no_option_can_be(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"subscriptions.{name} is not"):
        collapse_options(store_row(OTHERS) | {name: value})
    with pytest.raises(OverflowError):
        collapse_options({"mention_role_id": 2**63})
