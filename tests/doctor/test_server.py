"""A database on a server: what the doctor says of it, and what is for files alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from bot.cli.commands import app
from bot.doctor.finding import Finding
from bot.doctor.local_checks import check_database
from bot.store import open_store
from bot.store.inspection import inspect_database
from tests.support.cards import NOW
from tests.support.stores import query_database

pytestmark = pytest.mark.postgresql


async def only_finding(url: str) -> Finding:
    (found,) = check_database(await inspect_database(url))
    return found


async def test_a_new_one_and_one_of_this_version_are_well(database_url: str) -> None:
    assert "answers and is empty or of an older version" in (await only_finding(database_url)).what
    async with open_store(database_url) as store:
        await store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=3, now=NOW)
    found = await inspect_database(database_url)
    assert found.channels == ((1, 2),)
    assert (await only_finding(database_url)).what.endswith("answers and is of this version")


async def test_another_programs_and_a_newer_one_and_half_of_one_are_named(database_url: str) -> None:
    query_database(database_url, "CREATE TABLE theirs (x int)")
    found = await only_finding(database_url)
    assert ("belongs to another program" in found.what, "of its own" in found.fix) == (True, True)
    query_database(database_url, "DROP TABLE theirs")
    async with open_store(database_url):
        pass
    query_database(database_url, "INSERT INTO key_values VALUES ('moving', '0123abcd')")
    assert "not all of it is there" in (await only_finding(database_url)).what
    query_database(database_url, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in (await only_finding(database_url)).what


async def test_one_that_does_not_answer_is_named_without_its_password(database_url: str) -> None:
    url = make_url(database_url).set(port=1, password="planted")
    found = await only_finding(url.render_as_string(hide_password=False))
    assert "cannot be reached" in found.what
    assert "NEWSDESK_DATABASE_URL" in found.fix
    assert "planted" not in found.what + found.fix


@pytest.mark.parametrize(("command", "instead"), [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_copies_are_left_to_the_servers_own_tools(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, instead: str
) -> None:
    monkeypatch.setenv("NEWSDESK_DATABASE_URL", database_url)
    (tmp_path / "copy.db").touch()
    done = CliRunner().invoke(app, [command, str(tmp_path / "copy.db")])
    assert done.exit_code == 2
    assert instead in done.output
