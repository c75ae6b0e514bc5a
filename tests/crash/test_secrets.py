"""What a bot at work writes down, at its most talkative: ids, and nothing that is somebody's secret or own words."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.crash.process import BotProcess
from tests.wire.client import ANY, WireDiscord
from tests.wire.results import WireMessage

TOKEN = "PLANTED.token.MTIzNDU2"
SECURED = "PLANTED-cipher-U2FsdGVkX1"
QUERY = "PLANTED query unclosed"
REASON = "PLANTED reason of a member"


async def test_no_token_no_cipher_and_no_words_of_members_come_out(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text")
        channel = guild.channels[0].id
        with BotProcess(tmp_path / "run", wire.address.api, token=TOKEN, log_level="DEBUG") as bot:
            await bot.prepare_store([channel], guild.id, 2)
            _plant_secrets(bot.cards)
            bot.start()
            await wire.wait_for_sessions()
            posts = await wire.wait_for_messages(channel, 2)
            await wire.run_slash(channel, "search", {"query": QUERY})
            await _report_card(wire, posts[0])
            await wire.run_autocomplete(channel, "card", "card", QUERY)
            await wire.add_fault("500", "POST", "/callback$", times=ANY)
            await wire.run_slash(channel, "search", {"query": QUERY}, until="ack", within=1)
            await wire.clear_faults()
            _break_store(bot.database)
            failed = await wire.run_slash(channel, "search", {"query": QUERY})
            assert "something went wrong" in failed.text
            assert bot.terminate() == 0
    _assert_absent(bot.log, TOKEN, SECURED, QUERY, REASON)
    _assert_absent(_dump_database(bot.database), TOKEN, SECURED)
    assert REASON in _dump_database(bot.database), (
        "reports are kept for the moderators, as the lists in use are for turning"
    )
    _assert_orderly(bot.log)


def _plant_secrets(cards: Path) -> None:
    """One cipher in its place, one in a file that cannot be read, one where it makes the file wrong."""
    card = next(cards.glob("*.md"))
    text = card.read_text("utf-8")
    card.write_text(text.replace("quality:", f'secured: "{SECURED}"\nquality:'), "utf-8")
    (cards / "torn.md").write_text(text.replace("quality:", f'secured: "{SECURED}\nquality:'), "utf-8")
    (cards / "list.md").write_text(text.replace("quality: 80", f"quality: high\nsecured: [{SECURED}"), "utf-8")
    (cards / "kind.md").write_text(text.replace("quality: 80", f"quality: high\nsecured: {{{SECURED}: 1}}"), "utf-8")


async def _report_card(wire: WireDiscord, post: WireMessage) -> None:
    more = await wire.click_component(post, label="More…")
    assert more.reply is not None
    requests = await wire.click_component(more.reply, label="Report", until="ack")
    assert requests.modal is not None
    field = requests.modal["components"][0]["component"]["custom_id"]
    await wire.submit_modal(requests, post.channel_id, {field: REASON})


def _break_store(database: Path) -> None:
    """The next query fails in the store, with a traceback that would like to quote the question."""
    with closing(sqlite3.connect(database, timeout=10)) as store:
        store.execute("ALTER TABLE cards RENAME TO lost")
        store.commit()


def _dump_database(database: Path) -> str:
    with closing(sqlite3.connect(database)) as store:
        return "\n".join(store.iterdump())


def _assert_absent(text: str, *planted: str) -> None:
    for words in planted:
        assert words not in text


def _assert_orderly(log: str) -> None:
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert all(line["time"].endswith("+00:00") for line in lines)
    broken = next(line for line in lines if line["message"].startswith("Failure "))
    assert "no such table" in broken["exception"]
    assert broken["message"].endswith(f"interaction {broken['interaction']}")
    assert {line["delivery"] for line in lines if "delivery" in line}
    assert any(line["level"] == "DEBUG" for line in lines)
