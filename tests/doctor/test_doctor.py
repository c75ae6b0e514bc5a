"""Planted faults, each named with its fix; and a house in order, of which nothing is said but that."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.commands import app
from bot.doctor import Finding, Severity
from bot.doctor.discord_checks import AT_ONCE
from bot.settings import load_settings
from bot.store import open_store
from tests.doctor.conftest import Installation


def damage_database(database: Path) -> None:
    """Write nonsense over the pages that only one wide table uses; the others can be read as before."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("CREATE TABLE wide (x)")
        connection.executemany("INSERT INTO wide VALUES (?)", [("y" * 3000,)] * 40)
        connection.commit()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((pages - 10) * size)
        file.write(b"\xa5" * size * 8)


async def test_five_planted_faults_are_all_named_with_their_fixes(installation: Installation) -> None:
    channel = await installation.subscribe_channel(name="The Guild")
    await installation.wire.change_channel(channel, access="no_embed")
    installation.write_card("broken", heat="warm")
    assert installation.settings.token_file
    installation.settings.token_file.chmod(0o644)
    installation.ahead = timedelta(minutes=2)
    damage_database(installation.database)
    found = await installation.find_problems()
    assert len(found) == 5, found
    open_token, bad_card, damaged, clock, closed = sorted(found, key=_planted_order)
    assert open_token == Finding(
        Severity.WARNING,
        f"Everybody on this machine can read the token in {installation.settings.token_file}",
        f"chmod 600 {installation.settings.token_file}",
    )
    assert "1 errors in 2 card files" in bad_card.what
    assert "broken.md:8: heat: should be a whole number" in bad_card.what
    assert "newsdesk check" in bad_card.fix
    assert (damaged.severity, "news.db is damaged" in damaged.what) == (Severity.ERROR, True)
    assert "newsdesk restore" in damaged.fix
    assert clock.what in {f"this machine's clock is {seconds} s ahead of Discord's" for seconds in (119, 120, 121)}
    assert "timedatectl" in clock.fix
    assert closed.what.startswith("The Guild: the bot cannot post in #")
    assert closed.what.endswith("it lacks Embed Links")
    assert closed.fix == "Open the channel's settings → Permissions, add the bot's role and allow it."


def _planted_order(finding: Finding) -> int:
    """In the order in which they were planned."""
    words = ("token in", "card files", "damaged", "clock", "cannot post")
    return next(place for place, word in enumerate(words) if word in finding.what)


async def test_a_house_in_order_has_notes_only(installation: Installation) -> None:
    await installation.subscribe_channel()
    found = [finding.what for finding in await installation.run_checks()]
    assert await installation.find_problems() == []
    assert any("News cards in" in what and what.endswith(": 1, all well") for what in found)
    assert any("whole and of this version" in what for what in found)
    assert any("Discord knows the token" in what for what in found)
    assert any("can post in 1 of the 1 channels" in what for what in found)


async def test_intents_that_nobody_needs_are_noted(installation: Installation) -> None:
    await installation.wire.configure_settings(application_flags=(1 << 19) | (1 << 14))
    (note,) = [finding for finding in await installation.run_checks() if "Intent" in finding.what]
    assert note.severity is Severity.NOTE
    assert "Server Members Intent, Message Content Intent" in note.what


async def test_a_wrong_token_is_named_and_offline_nobody_is_asked(installation: Installation) -> None:
    await installation.wire.configure_settings(token="another.one")
    (wrong,) = await installation.find_problems()
    assert (wrong.severity, wrong.what) == (Severity.ERROR, "Discord does not know this token")
    assert "Reset Token" in wrong.fix
    requests = len(await installation.wire.list_requests())
    assert await installation.find_problems(offline=True) == []
    assert len(await installation.wire.list_requests()) == requests


async def test_with_a_wrong_token_the_clocks_are_compared_all_the_same(installation: Installation) -> None:
    await installation.wire.configure_settings(token="another.one")
    installation.ahead = timedelta(minutes=-2)
    wrong, clock = await installation.find_problems()
    assert wrong.what == "Discord does not know this token"
    assert clock.what in {f"this machine's clock is {seconds} s behind Discord's" for seconds in (119, 120, 121)}


async def test_a_thread_that_the_bot_may_not_see_is_named(installation: Installation) -> None:
    thread = await installation.subscribe_channel("thread")
    await installation.wire.add_fault("no_access", "GET", f"/channels/{thread}")
    (found,) = await installation.find_problems()
    assert found.what.endswith(f"the bot cannot see the thread or channel {thread}")
    assert "View Channel" in found.fix


@pytest.mark.parametrize(
    ("text", "named"),
    [("NEWSDESK_TOKEN=abc\n", True), ("NEWSDESK_TOKEN=\nOTHER=1\n", False), ("#NEWSDESK_TOKEN=abc\n", False)],
)
async def test_a_dotenv_file_with_the_token_is_for_its_owner_alone(
    installation: Installation, tmp_path: Path, text: str, named: bool
) -> None:
    env = tmp_path / ".env"
    env.write_text(text)
    env.chmod(0o644)
    assert [finding.fix for finding in await installation.find_problems(offline=True)] == (
        ["chmod 600 .env"] if named else []
    )
    env.chmod(0o600)
    assert await installation.find_problems(offline=True) == []


async def test_a_discord_out_of_reach_is_named(installation: Installation) -> None:
    installation.settings = installation.settings.model_copy(update={"discord_api": "http://127.0.0.1:9/api/v10"})
    (found,) = await installation.find_problems()
    assert "Discord cannot be reached" in found.what


@pytest.mark.parametrize(
    ("kind", "access", "lacking"),
    [
        ("text", ["no_send", "no_history"], "it lacks Send Messages, Embed Links, Read Message History"),
        ("forum", "no_send", "it lacks Create Posts"),
        ("announcement", "no_view", "it lacks View Channel"),
        ("text", "gone", "is gone, but it is subscribed"),
    ],
)
async def test_each_kind_of_channel_says_what_it_lacks(
    installation: Installation, kind: str, access: object, lacking: str
) -> None:
    channel = await installation.subscribe_channel(kind)
    await installation.wire.change_channel(channel, access=access)
    (found,) = await installation.find_problems()
    assert lacking in found.what
    assert found.fix


@pytest.mark.slow
async def test_a_thread_allows_what_its_channel_allows(installation: Installation) -> None:
    thread = await installation.subscribe_channel("thread")
    assert await installation.find_problems() == []
    parent = (await installation.wire._call_verb("channel", channel_id=thread))["parent_id"]
    await installation.wire.change_channel(int(parent), access="no_thread_send")
    (found,) = await installation.find_problems()
    assert "it lacks Send Messages in Threads" in found.what


async def test_a_server_that_put_the_bot_out_is_named_and_the_others_are_looked_at(installation: Installation) -> None:
    await installation.subscribe_channel()
    left = (await installation.wire.add_guild("text")).id
    channel = await installation.subscribe_channel()
    await installation.wire.change_channel(channel, access="no_embed")
    async with open_store(installation.settings.database_url) as store:
        await store.subscriptions.add_subscription(guild_id=left, channel_id=5, created_by=1, now=installation.clock())
    await installation.wire.change_guild(left, left=True)
    found = sorted(finding.what for finding in await installation.find_problems())
    assert len(found) == 2
    assert found[0] == f"server {left}: the bot is not in it any more, but it is subscribed"


@pytest.mark.slow
async def test_a_few_servers_at_a_time_are_asked_about(installation: Installation) -> None:
    for number in range(AT_ONCE + 2):
        await installation.wire.change_channel(
            await installation.subscribe_channel(name=f"Guild {number}"), access="no_embed"
        )
    # Whoever asks of one server after the other asks the next one only once the slow one has answered all three.
    await installation.wire.add_fault("stall", "GET", "^/guilds/[0-9]+$", times=AT_ONCE, seconds=1)
    found = [finding.what.partition(":")[0] for finding in await installation.find_problems()]
    assert found == [f"Guild {number}" for number in range(AT_ONCE + 2)]
    requests = sorted(
        await installation.wire.list_requests(method="GET", path="^/guilds/"), key=lambda request: request.at
    )
    servers = [request.path.split("/")[2] for request in requests]
    assert len(set(servers[:AT_ONCE])) == AT_ONCE
    assert servers[AT_ONCE] in servers[:AT_ONCE]


async def test_a_store_that_is_still_being_moved_there_is_named(installation: Installation) -> None:
    with closing(sqlite3.connect(installation.database)) as connection:
        connection.execute("INSERT INTO key_values VALUES ('moving', '0123abcd')")
        connection.commit()
    (half,) = await installation.find_problems(offline=True)
    assert ("not all of it is there" in half.what, "`newsdesk migrate` again" in half.fix) == (True, True)


@pytest.mark.slow
async def test_databases_that_are_not_ours_to_use(installation: Installation, tmp_path: Path) -> None:
    with closing(sqlite3.connect(installation.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    (newer,) = await installation.find_problems(offline=True)
    assert "written by a newer version" in newer.what
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    (tmp_path / "letter.txt").write_text("Dear reader, " * 100)
    for name, words in (("foreign.db", "belongs to another program"), ("letter.txt", "cannot be opened as a database")):
        url = f"sqlite+aiosqlite:///{tmp_path / name}"
        installation.settings = installation.settings.model_copy(update={"database_url": url})
        (found,) = await installation.find_problems(offline=True)
        assert words in found.what
        assert found.fix


async def test_a_database_that_is_not_there_yet_is_not_made(installation: Installation, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'new' / 'news.db'}"
    installation.settings = installation.settings.model_copy(update={"database_url": url})
    assert await installation.find_problems(offline=True) == []
    assert not (tmp_path / "new").exists()


async def test_a_state_folder_that_is_a_file_cannot_be_written(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    url = f"sqlite+aiosqlite:///{tmp_path / 'plain' / 'news.db'}"
    installation.settings = installation.settings.model_copy(update={"database_url": url})
    (found,) = await installation.find_problems(offline=True)
    assert "The database cannot be written" in found.what


async def test_a_missing_folder_and_a_missing_token_are_both_named(installation: Installation, tmp_path: Path) -> None:
    installation.settings = load_settings(database_url=installation.settings.database_url, cards=tmp_path / "none")
    folder, token = await installation.find_problems()
    assert "none is neither a file nor a folder" in folder.what
    assert (token.what, "Developer Portal" in token.fix) == ("NEWSDESK_TOKEN is not set", True)


def test_the_command_prints_findings_and_says_by_its_code_whether_all_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSDESK_CARDS", str(tmp_path / "none"))
    monkeypatch.setenv("NEWSDESK_TOKEN", "a.test.token")
    monkeypatch.setenv("NEWSDESK_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'news.db'}")
    result = CliRunner().invoke(app, ["doctor", "--offline"])
    assert result.exit_code == 1
    assert "error: " in result.stdout
    assert "    Set NEWSDESK_CARDS to the folder of cards.\n" in result.stdout
    assert result.stdout.endswith("1 finding\n")
    lines = CliRunner().invoke(app, ["doctor", "--offline", "--json"]).stdout.splitlines()
    assert {frozenset(json.loads(line)) for line in lines} == {frozenset({"severity", "what", "fix"})}
    monkeypatch.setenv("NEWSDESK_TICK_SECONDS", "soon")
    assert CliRunner().invoke(app, ["doctor", "--offline"]).exit_code == 2


async def test_a_time_zone_that_this_machine_does_not_know_is_named(installation: Installation) -> None:
    channel = await installation.subscribe_channel()
    with closing(sqlite3.connect(installation.database)) as connection, connection:
        connection.execute(
            "UPDATE subscriptions SET options = ?, \"frequency\" = 'daily'", ('{"timezone": "Mars/Olympus"}',)
        )
    (found,) = await installation.find_problems(offline=True)
    assert str(channel) in found.what
    assert "Mars/Olympus" in found.what
    assert "/digest edit" in found.fix
