"""The commands of the program, as processes and in-process: words, JSON and exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli.commands import app
from bot.clock import utc_now
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.domain.subscription import SubscriptionOptions
from bot.settings import load_settings
from bot.store import open_store
from bot.store.health import HEARTBEAT
from tests.support.stage import NOW, BotStage
from tests.support.stores import query_database

runner = CliRunner()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of cards and a store, named in the environment; nothing of the developer's own settings."""
    for name in list(os.environ):
        if name.startswith("NEWSDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSDESK_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'state' / 'cli.db'}")
    cards = tmp_path / "cards"
    cards.mkdir()
    monkeypatch.setenv("NEWSDESK_CARDS", str(cards))
    return cards


class _FolderSettings:
    def __init__(self, folder: Path) -> None:
        self.folder = folder


def write_card(folder: Path, slug: str, **fields: object) -> Path:
    return BotStage.write_card(_FolderSettings(folder), slug, **fields)  # type: ignore[arg-type]  # it only needs the folder


def run_newsdesk(*words: str) -> Result:
    return runner.invoke(app, words)


def test_check_names_file_line_and_field(folder: Path) -> None:
    write_card(folder, "good")
    bad = write_card(folder, "bad", heat="warm")
    result = run_newsdesk("check", str(folder))
    assert result.exit_code == 1
    assert f"{bad}:8: error: heat: should be a whole number, not 'warm'" in result.stdout
    assert "2 files, 1 news card, 1 error, 0 notes" in result.stdout


def test_check_as_json_is_one_object_a_line(folder: Path) -> None:
    write_card(folder, "other", category="people")
    result = run_newsdesk("check", str(folder), "--format", "json")
    (finding,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert set(finding) == {"file", "line", "field", "problem", "severity"}
    assert finding["severity"] == "note"


def test_check_for_github_escapes_what_would_end_the_command(folder: Path) -> None:
    write_card(folder, "bad,name:odd", heat="'1%\\n'")
    result = run_newsdesk("check", "--format", "github")
    assert "::error file=" in result.stdout
    assert "bad%2Cname%3Aodd.md,line=8,title=heat::" in result.stdout
    assert "1%25" in result.stdout


def test_a_path_that_is_not_there_is_wrong_use(folder: Path) -> None:
    result = run_newsdesk("check", "nowhere.md")
    assert result.exit_code == 2
    assert "neither a file nor a folder" in result.stderr


def test_load_counts_and_is_idempotent(folder: Path) -> None:
    write_card(folder, "one")
    write_card(folder, "two")
    write_card(folder, "broken", title="")
    first = run_newsdesk("load", "--json")
    second = run_newsdesk("load", "--json")
    assert first.exit_code == 1
    counts = json.loads(first.stdout)
    assert {name: counts[name] for name in ("files", "cards", "added", "skipped", "problems")} == {
        "files": 3, "cards": 2, "added": 2, "skipped": 1, "problems": 1,
    }  # fmt: skip
    again = json.loads(second.stdout)
    assert (again["added"], again["unchanged"], again["problems"]) == (0, 2, 1)


@pytest.mark.slow
def test_a_mass_withdrawal_waits_for_a_person(folder: Path) -> None:
    for number in range(30):
        write_card(folder, f"card{number}")
    run_newsdesk("load")
    for path in folder.iterdir():
        path.unlink()
    stopped = run_newsdesk("load", "--json")
    assert stopped.exit_code == 1
    assert json.loads(stopped.stdout)["withdrawn"] == 0
    assert json.loads(run_newsdesk("load", "--json", "--accept-withdrawals").stdout)["withdrawn"] == 30


def test_search_and_show_read_the_store(folder: Path) -> None:
    write_card(folder, "one", title="A title [with] *marks*")
    run_newsdesk("load")
    assert "A title [with] *marks*" in run_newsdesk("search", "title").stdout
    assert run_newsdesk("search", "nothing").exit_code == 1
    assert "A title [with] *marks*" in run_newsdesk("show", "one").stdout
    assert json.loads(run_newsdesk("show", "one", "--json").stdout)["url"] == "https://example.org/one"
    assert run_newsdesk("show", "none").exit_code == 1


def test_a_search_counts_links_and_corrects_the_spelling(folder: Path) -> None:
    write_card(folder, "one", title="Astronomy for beginners")
    write_card(folder, "two", title="Astronomy for experts", publishedDateTime="2026-06-01T11:00:00Z")
    run_newsdesk("load")
    found = run_newsdesk("search", "astronomy")
    assert found.stdout.splitlines() == [
        "2 results for “astronomy”:",
        "2026-06-01  Astronomy for experts",
        "            Example  two",
        "            https://example.org/two",
        "2026-06-01  Astronomy for beginners",
        "            Example  one",
        "            https://example.org/one",
    ]
    newest = run_newsdesk("search", "astronomy", "--count", "1").stdout
    assert newest.splitlines()[0] == "2 results for “astronomy”, the newest 1:"
    wrong = run_newsdesk("search", "astronmy")
    assert (wrong.exit_code, wrong.stdout) == (1, "Nothing found for “astronmy”. Did you mean “astronomy”?\n")


def test_the_story_in_the_terminal_refuses_another_language() -> None:
    result = run_newsdesk("demo", "--headless", "--language", "de")
    assert (result.exit_code, "in English only" in result.stderr) == (2, True)


def test_wrong_settings_are_named_all_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSDESK_TICK_SECONDS", "soon")
    monkeypatch.setenv("NEWSDESK_DATABASE_URL", "mysql://x")
    result = run_newsdesk("run")
    assert result.exit_code == 2
    assert "NEWSDESK_TICK_SECONDS" in result.stderr
    assert "NEWSDESK_DATABASE_URL" in result.stderr
    assert "Traceback" not in result.output


def test_run_without_a_token_says_how_to_get_one(folder: Path) -> None:
    result = run_newsdesk("run")
    assert result.exit_code == 2
    assert "NEWSDESK_TOKEN" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_export_holds_what_people_made_with_cards_by_name(folder: Path, tmp_path: Path) -> None:
    write_card(folder, "one", title="Ünïcode", published="false")
    assert run_newsdesk("load").exit_code == 0
    asyncio.run(_decide_card())
    out = tmp_path / "export.json"
    kinds = "1 in subscriptions, 1 in subscription topics, 1 in log, 1 in decisions, 1 in saved"
    assert run_newsdesk("export", str(out)).stdout == f"Exported 5 rows to {out}: {kinds}.\n"
    assert run_newsdesk("export").stdout == out.read_text("utf-8")
    found = json.loads(out.read_text("utf-8"))
    (subscription,) = found["subscriptions"]
    (decision,) = found["decisions"]
    (entry,) = found["log"]
    assert (subscription["channel_id"], subscription["created_at"]) == (2, "2026-06-01T12:00:00+00:00")
    assert found["subscription_topics"] == [{"subscription_id": subscription["id"], "topic": "Space"}]
    assert (decision["card"], decision["verdict"], decision["reason"]) == ("one", "published", "worth it")
    assert (entry["card"], entry["before"], entry["after"], entry["actor_id"]) == ("one", None, "published", 7)
    assert found["saved"] == [{"user_id": 9, "card": "one", "saved_at": "2026-06-01T12:00:00+00:00"}]
    assert list(tmp_path.glob(".export*")) == []


async def _decide_card() -> None:
    async with open_store(load_settings().database_url) as store:
        options = SubscriptionOptions(topics=("Space",))
        await store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=7, now=NOW, options=options)
        await store.moderation.decisions.decide_card(
            Decision(1, 1, Verdict.PUBLISH, 7, NOW, "worth it"), source=DecisionSource.COMMAND, expected=None
        )
        await store.members.saved_cards.save_card(9, 1, NOW)


def test_privacy_gives_out_and_erases_what_is_stored_about_a_member(folder: Path) -> None:
    write_card(folder, "one")
    assert run_newsdesk("load").exit_code == 0
    asyncio.run(_decide_card())
    own = json.loads(run_newsdesk("privacy", "export", "9").stdout)
    assert (own["user_id"], [row["card"] for row in own["saved"]], own["decisions"]) == (9, ["one"], [])
    desk = json.loads(run_newsdesk("privacy", "export", "7").stdout)
    assert [len(desk[kind]) for kind in ("subscriptions_created", "decisions", "log")] == [1, 1, 1]
    assert run_newsdesk("privacy", "erase", "9").stdout == "Erased: 1 saved card.\n"
    assert "nothing" in run_newsdesk("privacy", "erase", "9").stdout
    assert json.loads(run_newsdesk("privacy", "export", "9").stdout)["saved"] == []
    assert run_newsdesk("privacy", "erase", "everybody").exit_code == 2


def test_an_export_that_cannot_be_written_is_wrong_use(folder: Path) -> None:
    result = run_newsdesk("export", str(folder / "none" / "export.json"))
    assert (result.exit_code, "cannot be written" in result.stderr) == (2, True)


def test_an_export_taken_in_elsewhere_gives_the_same_export_and_twice_is_as_good_as_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_card(folder, "one", published="false")
    run_newsdesk("load")
    asyncio.run(_decide_card())
    first = tmp_path / "first.json"
    run_newsdesk("export", str(first))
    monkeypatch.setenv("NEWSDESK_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
    early = run_newsdesk("import", str(first))
    assert (early.exit_code, "Left out what is about 1 card not in the store (one)." in early.stdout) == (1, True)
    run_newsdesk("load")
    done = run_newsdesk("import", str(first))
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, f"Imported 3 rows from {first}.")
    again = run_newsdesk("import", str(first))
    assert "saved: 0 new, 1 here already" in again.stdout
    assert again.stdout.splitlines()[-1] == f"Nothing in {first} is new to this store."
    before, after = json.loads(first.read_text("utf-8")), json.loads(run_newsdesk("export").stdout)
    for found in (before, after):
        for row in found["subscriptions"]:
            row.pop("since"), row.pop("next_at")
    assert after == before


@pytest.mark.parametrize("text", ["", "[]", "{", '{"newsdesk": 99}', '{"newsdesk": 1, "saved": [{"user_id": 1}]}'])
def test_what_is_no_export_changes_nothing(folder: Path, tmp_path: Path, text: str) -> None:
    run_newsdesk("load")
    (tmp_path / "bad.json").write_text(text)
    result = run_newsdesk("import", str(tmp_path / "bad.json"))
    assert (result.exit_code, "nothing was imported" in result.stderr) == (2, True)


def test_a_backup_is_put_back_and_repeats_nothing(folder: Path, tmp_path: Path) -> None:
    write_card(folder, "one")
    run_newsdesk("load")
    asyncio.run(_decide_card())
    copy = tmp_path / "copy.db"
    made = run_newsdesk("backup", str(copy))
    store = next((tmp_path / "state").glob("*.db"))
    assert made.stdout == f"Backed up {store} to {copy} (1 card, 1 subscription).\n"
    write_card(folder, "two")
    run_newsdesk("load")
    store.write_bytes(b"broken " * 1000)
    refused = run_newsdesk("restore", str(copy))
    assert (refused.exit_code, "Give --yes to replace it" in refused.stderr) == (2, True)
    done = run_newsdesk("restore", str(copy), "--yes")
    assert done.exit_code == 0, done.stderr
    former = f"{store}.before-restore"
    said = f"Restored {copy} (1 card, 1 subscription) to {store}. The former store is kept as {former}.\n"
    assert (done.stdout, Path(former).read_bytes()) == (said, b"broken " * 1000)
    assert run_newsdesk("show", "two").exit_code == 1
    numbers = "SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'"
    assert query_database(load_settings().database_url, numbers) == [(100_000,)], (
        "posts since may bear the numbers before"
    )
    run_newsdesk("load")
    assert asyncio.run(_count_planned()) == 0
    assert [each.name for each in tmp_path.glob(".copy*")] == []


def test_a_restore_asks_on_a_terminal_and_can_be_taken_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_card(folder, "one")
    run_newsdesk("load")
    run_newsdesk("backup", str(tmp_path / "copy.db"))
    write_card(folder, "two")
    run_newsdesk("load")
    monkeypatch.setattr("bot.cli.backup.is_terminal", lambda: True)
    kept = runner.invoke(app, ["restore", str(tmp_path / "copy.db")], input="n\n")
    assert "cli.db (2 cards, 0 subscriptions) with " in kept.stdout
    assert kept.stdout.endswith("cli.db as it is.\n")
    assert run_newsdesk("show", "two").exit_code == 0
    assert runner.invoke(app, ["restore", str(tmp_path / "copy.db")], input="y\n").exit_code == 0
    assert run_newsdesk("show", "two").exit_code == 1
    former = tmp_path / "state" / "cli.db.before-restore"
    assert run_newsdesk("restore", str(former), "--yes").exit_code == 0
    assert run_newsdesk("show", "two").exit_code == 0
    assert former.with_name(f"{former.name}-2").exists()


async def _count_planned() -> int:
    """What the subscription gets that was made long before."""
    async with open_store(load_settings().database_url) as store:
        return await store.outbox.planner.plan_deliveries(NOW, timedelta(days=14))


def test_only_a_whole_store_of_ours_is_put_back(folder: Path, tmp_path: Path) -> None:
    run_newsdesk("load")
    (tmp_path / "letter.txt").write_text("Dear reader, " * 100)
    result = run_newsdesk("restore", str(tmp_path / "letter.txt"), "--yes")
    assert list((tmp_path / "state").glob("*before*")) == []
    assert (result.exit_code, "cannot be opened as a Newsdesk database" in result.stderr) == (2, True)
    assert run_newsdesk("search", "nothing").exit_code == 1


@pytest.mark.slow
def test_a_store_is_moved_and_the_next_step_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_card(folder, "one")
    run_newsdesk("load")
    asyncio.run(_decide_card())
    exported = run_newsdesk("export").stdout
    there = f"sqlite+aiosqlite:///{tmp_path / 'there' / 'moved.db'}"
    done = run_newsdesk("migrate", "--to", there)
    assert done.exit_code == 0, done.stderr
    assert re.search(r"^subscriptions +1 +1 +(\w{12}) +\1$", done.stdout, re.MULTILINE)
    assert "Set NEWSDESK_DATABASE_URL to the new address" in done.stdout
    monkeypatch.setenv("NEWSDESK_DATABASE_URL", there)
    assert run_newsdesk("export").stdout == exported
    assert run_newsdesk("show", "one").exit_code == 0


@pytest.mark.slow
def test_a_copy_that_differs_is_a_problem_and_no_store(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_card(folder, "one")
    run_newsdesk("load")
    monkeypatch.setattr("bot.store.transfer.verify.strip_unstorable", lambda text: f"{text}{os.urandom(4)!r}")
    done = run_newsdesk("migrate", "--to", f"sqlite+aiosqlite:///{tmp_path / 'moved.db'}")
    assert done.exit_code == 1
    assert "Not the same on both sides: key_values, " in done.stdout
    monkeypatch.setenv("NEWSDESK_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'moved.db'}")
    refused = run_newsdesk("search", "anything")
    assert (refused.exit_code, "Run `newsdesk migrate` again" in refused.stderr) == (2, True)


def test_a_store_at_work_does_not_move(folder: Path, tmp_path: Path) -> None:
    run_newsdesk("load")
    asyncio.run(_write_heartbeat())
    result = run_newsdesk("migrate", "--to", f"sqlite+aiosqlite:///{tmp_path / 'moved.db'}")
    assert result.exit_code == 2
    assert re.fullmatch(r"A bot works with .+/cli\.db, or did within the last minutes\. Stop it, .+\n", result.stderr)
    assert not (tmp_path / "moved.db").exists()


async def _write_heartbeat() -> None:
    async with open_store(load_settings().database_url) as store:
        await store.key_values.set_value(HEARTBEAT, utc_now().isoformat())


@pytest.mark.parametrize(
    ("to", "text"),
    [
        ("mysql://user:planted@host/database", "--to: must start with"),
        ("postgresql+asyncpg://user:planted@host:99999/database", "--to: must name a database"),
        ("postgresql+asyncpg://user:planted@127.0.0.1:1/database", "The database 127.0.0.1/database cannot be reached"),
        ("sqlite+aiosqlite:///", "--to: must name a file"),
    ],
)
def test_a_wrong_address_is_told_by_its_option_and_without_its_password(folder: Path, to: str, text: str) -> None:
    run_newsdesk("load")
    result = run_newsdesk("migrate", "--to", to)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1 if "cannot be reached" in text else 2, 1)
    assert result.stderr.startswith(text)
    assert "planted" not in result.output
    assert "NEWSDESK_DATABASE_URL" not in result.output


def test_health_is_bad_when_nothing_runs(folder: Path) -> None:
    assert run_newsdesk("health").exit_code == 1


@pytest.mark.slow
def test_the_module_is_the_same_command(folder: Path) -> None:
    write_card(folder, "one")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "check", str(folder)],
        capture_output=True, text=True, timeout=300, check=False, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.endswith("1 file, 1 news card, 0 errors, 0 notes\n")


def test_new_writes_a_card_that_check_has_nothing_to_say_about(folder: Path) -> None:
    made = run_newsdesk("new", "Hello: world", "--url", "https://news.example/a", "--topics", "Rust, Security")
    path = Path(made.stdout.strip())
    assert made.exit_code == 0
    assert path.parent == folder
    assert run_newsdesk("check", str(path)).stdout.splitlines()[-1] == "1 file, 1 news card, 0 errors, 0 notes"


def test_new_says_what_is_wrong_in_one_line(folder: Path) -> None:
    made = run_newsdesk("new", "\u200b")
    assert (made.exit_code, made.stderr) == (2, "This makes no card (title: nothing of the title can be seen).\n")
    assert list(folder.iterdir()) == []


def test_a_token_is_shown_once_listed_without_itself_and_revoked(folder: Path) -> None:
    made = run_newsdesk("token", "create", "ci", "--policy", "published")
    token = made.stdout.strip()
    assert (made.exit_code, token.startswith("newsdesk_")) == (0, True)
    assert made.stderr == "Keep it now: it is not shown again.\n"
    listed = run_newsdesk("token", "list", "--json")
    (row,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (row["name"], row["source"], row["policy"], row["last_used_at"]) == ("ci", "ci", "published", None)
    assert token not in listed.stdout + run_newsdesk("token", "list").stdout
    assert "never" in run_newsdesk("token", "list").stdout
    assert run_newsdesk("token", "revoke", "ci").stdout == "Revoked ci. Its cards stay.\n"
    assert "There is no token" in run_newsdesk("token", "list").stdout


def test_a_token_holds_cards_by_default_and_comes_as_json(folder: Path) -> None:
    made = json.loads(run_newsdesk("token", "create", "blog", "--source", "web", "--json").stdout)
    assert (made["name"], made["source"], made["policy"]) == ("blog", "web", "held")
    assert (made["token"].startswith("newsdesk_"), made["server"]) == (True, None)


def test_a_token_may_be_for_one_server(folder: Path) -> None:
    assert json.loads(run_newsdesk("token", "create", "a", "--server", "42", "--json").stdout)["server"] == 42
    assert " 42 " in run_newsdesk("token", "list").stdout
    refused = run_newsdesk("token", "create", "b", "--source", "a")
    assert (refused.exit_code, "are for server 42" in refused.stderr) == (2, True)
    for server in ("0", "-1", "x", str(2**63)):
        assert run_newsdesk("token", "create", "c", "--server", server).exit_code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("create", "a b"), "'a b' is no name"),
        (("create", "a", "--source", "../x"), "'../x' is no name"),
        (("revoke", "nobody"), "There is no token named nobody."),
    ],
)
def test_a_token_command_says_what_is_wrong(folder: Path, words: tuple[str, ...], sentence: str) -> None:
    result = run_newsdesk("token", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
