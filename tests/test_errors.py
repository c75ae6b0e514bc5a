"""Errors say what is wrong and how to fix it."""

from __future__ import annotations

import pickle

import pytest

from bot.errors import NewsdeskError, SettingsError, StoreError, StoreUnavailableError


def test_the_message_is_what_is_wrong_and_its_fix() -> None:
    assert str(NewsdeskError("The disk is full.", "Make room.")) == "The disk is full. Make room."
    assert str(SettingsError("A.\nB.")) == "A.\nB."


@pytest.mark.parametrize("kind", [StoreError, StoreUnavailableError])
def test_the_fix_names_what_the_address_came_from(kind: type[StoreError]) -> None:
    error = kind("{odd} belongs to another program.", "Point {setting} at one of its own.")
    assert str(error) == "{odd} belongs to another program. Point NEWSDESK_DATABASE_URL at one of its own."
    moved = error.with_option("--to")
    assert (type(moved), moved.fix) == (kind, "Point --to at one of its own.")


def test_an_error_of_another_process_keeps_its_words() -> None:
    error = pickle.loads(pickle.dumps(StoreError("A.", "Check {setting}.")))
    assert (error.what, error.fix) == ("A.", "Check NEWSDESK_DATABASE_URL.")
