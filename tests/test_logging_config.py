"""The lines of the log: their form, whom they belong to, and what is blotted out of them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from bot.client.interaction_context import iter_typed_texts
from bot.logging_config import LogFormat, bind_delivery, bind_interaction, configure_logging

_log = logging.getLogger("bot.of_the_test")


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    """What is set up here ends with the test."""
    root, names = logging.getLogger(), ("bot", "cogs", "apscheduler", "watchfiles", "alembic", "discord.gateway")
    handlers, levels = (
        root.handlers[:],
        {name: logging.getLogger(name).level for name in ("", *names, "discord.client")},
    )
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def log_lines(form: LogFormat, work: Any, *, terminal: bool = False, level: str = "INFO") -> str:
    out = io.StringIO()
    configure_logging(level, form, Console(file=out, force_terminal=terminal, width=200), secrets=["SECRET.token"])
    work()
    return out.getvalue()


def test_away_from_a_terminal_a_line_is_one_object() -> None:
    (line,) = log_lines(LogFormat.AUTO, lambda: _log.warning("Two\nlines of %s", "ünï")).splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {"level": "WARNING", "logger": "bot.of_the_test", "message": "Two\nlines of ünï"}


def test_an_exception_is_a_field_of_its_line() -> None:
    def fail() -> None:
        try:
            raise ValueError("the token SECRET.token is wrong")
        except ValueError:
            _log.exception("It broke")

    (line,) = log_lines(LogFormat.JSON, fail).splitlines()
    exception = json.loads(line)["exception"]
    assert exception.startswith("Traceback")
    assert exception.endswith("ValueError: the token […] is wrong")


@pytest.mark.parametrize("terminal", [True, False])
def test_people_get_lines_of_words(terminal: bool) -> None:
    out = log_lines(LogFormat.HUMAN, lambda: _log.warning("Channel %s is closed", 5), terminal=terminal)
    assert "Channel" in out
    assert "WARNING" in out
    assert "{" not in out


def test_on_a_terminal_auto_is_for_people() -> None:
    assert "{" not in log_lines(LogFormat.AUTO, lambda: _log.warning("Well"), terminal=True)


async def test_each_task_names_what_its_lines_belong_to() -> None:
    async def deliver(number: int) -> None:
        bind_delivery(number)
        await asyncio.sleep(0)
        _log.info("sent %s", number)

    async def answer() -> None:
        bind_interaction(77)
        await asyncio.sleep(0)
        _log.info("answered")

    out = io.StringIO()
    configure_logging("INFO", LogFormat.JSON, Console(file=out))
    await asyncio.gather(deliver(1), deliver(2), answer())
    _log.info("rested")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    found = {line["message"]: (line.get("delivery"), line.get("interaction")) for line in lines}
    assert found == {"sent 1": (1, None), "sent 2": (2, None), "answered": (None, 77), "rested": (None, None)}


async def test_what_a_member_typed_is_blotted_out_also_where_it_is_quoted() -> None:
    async def answer() -> None:
        bind_interaction(77, ["it's \n mine", "on"])
        _log.info("%s and %r, on and on", "it's \n mine", "it's \n mine")

    out = io.StringIO()
    configure_logging("INFO", LogFormat.HUMAN, Console(file=out))
    await asyncio.create_task(answer())
    assert out.getvalue().endswith('[…] and "[…]", on and on [interaction 77]\n')


def test_the_token_of_an_interaction_is_no_part_of_an_address() -> None:
    token = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5"
    address = f"https://discord.example/api/v10/interactions/12/{token}/callback"
    out = log_lines(LogFormat.JSON, lambda: logging.getLogger("discord.http").warning("POST %s: 429", address))
    assert token not in out
    assert "interactions/12/[…]/callback" in out


def test_only_our_own_loggers_say_what_is_said_at_debug() -> None:
    def speak() -> None:
        _log.debug("ours")
        for name in ("discord.http", "discord.webhook.async_", "aiosqlite", "asyncio", "sqlalchemy.engine"):
            logging.getLogger(name).debug("theirs")

    out = log_lines(LogFormat.JSON, speak, level="DEBUG")
    assert "ours" in out
    assert "theirs" not in out


def test_everything_that_was_typed_is_found() -> None:
    command = {"name": "desk", "options": [{"name": "withdraw", "options": [{"value": "a card"}, {"value": 5}]}]}
    form = {"components": [{"type": 18, "component": {"value": "a reason"}}, {"components": [{"value": "more"}]}]}
    assert [*iter_typed_texts(command), *iter_typed_texts(form), *iter_typed_texts({})] == [
        "a card",
        "a reason",
        "more",
    ]
