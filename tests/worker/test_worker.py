"""The background work, with real time: the watcher, the courier and the schedule together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.sources.test_git_pull import commit_file, needs_git, replace_git, run_git
from tests.support.polling import wait_until
from tests.support.stage import BotStage, open_stage


async def _is_stored(stage: BotStage, slug: str) -> bool:
    return await stage.bot.store.cards.get_by_slug(slug, 0) is not None


async def test_a_saved_file_is_in_the_store_and_in_its_channel_by_itself(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.subscribe_channel()
        stage.clock.advance(seconds=1)
        stage.bot.worker.start()
        await asyncio.sleep(0.3)
        stage.write_card("saved")
        await wait_until(lambda: _is_stored(stage, "saved"))
        await wait_until(lambda: bool(stage.list_posts()))
        (stage.folder / "saved.md").unlink()
        await wait_until(lambda: not stage.list_posts())


async def test_a_missing_folder_is_told_in_the_log_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path) as stage:
        stage.folder.rmdir()
        stage.bot.worker.start()
        await wait_until(lambda: "doesn't exist" in caplog.text)
        assert stage.bot.worker.supervisor.is_running("courier")


async def test_a_load_that_breaks_does_not_end_the_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path) as stage:
        stage.bot.worker.start()
        await asyncio.sleep(0.3)
        with monkeypatch.context() as broken:

            async def full(*_: object, **__: object) -> None:
                raise OSError("No space left on device")

            broken.setattr(stage.bot.pipeline.loader, "load_cards", full)
            stage.write_card("lost")
            await wait_until(lambda: "Could not load the folder" in caplog.text)
        assert stage.bot.pipeline.last_load_error == "OSError: No space left on device"
        stage.write_card("found")
        await wait_until(lambda: _is_stored(stage, "found"))
        await wait_until(lambda: not stage.bot.pipeline.last_load_error)
        assert await _is_stored(stage, "lost")


@needs_git
async def test_a_card_from_a_remote_is_in_its_channel_by_itself(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    run_git(origin, "init", "-b", "main")
    commit_file(origin, "read-me.txt")
    async with open_stage(tmp_path, cards_git_pull=3600, watch=False) as stage:
        run_git(tmp_path, "clone", str(origin), str(stage.folder))
        card = stage.write_card("pulled")
        commit_file(origin, card.name, card.read_text("utf-8"))
        card.unlink()
        await stage.subscribe_channel()
        stage.clock.advance(seconds=1)
        stage.bot.worker.start()
        await wait_until(lambda: stage.list_titles() == ["Title of pulled"])


async def test_a_remote_that_hangs_holds_no_load_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_git(tmp_path / "bin", monkeypatch, f"touch {tmp_path}/pulled; exec sleep 600")
    async with open_stage(tmp_path, cards_git_pull=3600) as stage:
        (stage.folder / ".git").mkdir()
        stage.bot.worker.start()
        await wait_until(lambda: (tmp_path / "pulled").exists())
        stage.write_card("saved")
        await wait_until(lambda: _is_stored(stage, "saved"))


async def test_a_broken_file_that_is_the_only_change_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path) as stage:
        worker = stage.bot.worker
        stage.write_card("fine")
        await worker.load_cards()
        (stage.folder / "bad.md").write_text("---\ncategory: news\ntitle: Rust: the movie\n---\n")
        for _ in range(3):
            await worker.load_cards()
            (stage.folder / "fine.md").touch()
        messages = [record.getMessage() for record in caplog.records if "bad.md" in record.getMessage()]
        assert len(messages) == 1
        assert messages[0].startswith("bad.md:3: ")
        stage.write_card("bad")
        await worker.load_cards()
        (stage.folder / "bad.md").write_text("---\ncategory: news\ntitle: Rust: the movie\n---\n")
        await worker.load_cards()
        assert sum("bad.md:3: " in record.getMessage() for record in caplog.records) == 2


@needs_git
async def test_posts_stay_the_same_messages_while_somebody_checks_out_under_the_watcher(tmp_path: Path) -> None:
    """Loads come between the steps of a checkout that takes the files away and brings them back."""
    async with open_stage(tmp_path) as stage:
        run_git(stage.folder, "init", "-b", "main")
        commit_file(stage.folder, "read-me.txt")
        run_git(stage.folder, "branch", "empty")
        for number in range(6):
            stage.write_card(f"card{number}")
        commit_file(stage.folder, "more.txt")
        await stage.subscribe_channel()
        await stage.load_cards()
        before = [message.id for message in stage.list_posts()]
        assert len(before) == 6
        for _ in range(4):
            run_git(stage.folder, "checkout", "empty")
            await stage.load_cards()
            run_git(stage.folder, "checkout", "main")
            stage.clock.advance(seconds=60)
            await stage.load_cards()
            assert [message.id for message in stage.list_posts()] == before
