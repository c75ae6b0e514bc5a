"""The background work, with real time: the watcher, the courier and the schedule together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.sources.test_checkouts import commit, git, needs_git, put_in_place_of_git
from tests.support.stage import Stage, on_stage


async def _until(holds: Callable[[], Awaitable[bool]], seconds: float = 5) -> bool:
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)
    return True


async def _stored(stage: Stage, slug: str) -> bool:
    return await stage.bot.store.archive.by_slug(slug, 0) is not None


async def test_a_saved_file_is_in_the_store_and_in_its_channel_by_itself(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.subscribe()
        stage.clock.move(seconds=1)
        stage.bot.newsroom.start()
        await asyncio.sleep(0.3)
        stage.write("saved")
        assert await _until(lambda: _stored(stage, "saved"))
        assert await _until(lambda: asyncio.sleep(0, bool(stage.posts())))
        (stage.folder / "saved.md").unlink()
        assert await _until(lambda: asyncio.sleep(0, not stage.posts()), seconds=30)


async def test_a_missing_folder_is_told_in_the_log_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_stage(tmp_path) as stage:
        stage.folder.rmdir()
        stage.bot.newsroom.start()
        assert await _until(lambda: asyncio.sleep(0, "does not exist" in caplog.text))
        assert stage.bot.newsroom.supervisor.is_running("courier")


async def test_a_load_that_breaks_does_not_end_the_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_stage(tmp_path) as stage:
        stage.bot.newsroom.start()
        await asyncio.sleep(0.3)
        with monkeypatch.context() as broken:

            async def full(*_: object, **__: object) -> None:
                raise OSError("No space left on device")

            broken.setattr(stage.bot.newsroom._loader, "load", full)
            stage.write("lost")
            assert await _until(lambda: asyncio.sleep(0, "Could not load the folder" in caplog.text))
        assert stage.bot.newsroom.load_trouble == "OSError: No space left on device"
        stage.write("found")
        assert await _until(lambda: _stored(stage, "found"))
        assert not stage.bot.newsroom.load_trouble
        assert await _stored(stage, "lost")


@needs_git
async def test_a_card_from_a_remote_is_in_its_channel_by_itself(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-b", "main")
    commit(origin, "read-me.txt")
    async with on_stage(tmp_path, cards_git_pull=3600, watch=False) as stage:
        git(tmp_path, "clone", str(origin), str(stage.folder))
        card = stage.write("pulled")
        commit(origin, card.name, card.read_text("utf-8"))
        card.unlink()
        await stage.subscribe()
        stage.clock.move(seconds=1)
        stage.bot.newsroom.start()
        assert await _until(lambda: asyncio.sleep(0, stage.titles() == ["Title of pulled"]), seconds=20)


async def test_a_remote_that_hangs_holds_no_load_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_place_of_git(tmp_path / "bin", monkeypatch, f"touch {tmp_path}/asked; exec sleep 600")
    async with on_stage(tmp_path, cards_git_pull=3600) as stage:
        (stage.folder / ".git").mkdir()
        stage.bot.newsroom.start()
        assert await _until(lambda: asyncio.sleep(0, (tmp_path / "asked").exists()), seconds=20)
        stage.write("saved")
        assert await _until(lambda: _stored(stage, "saved"), seconds=20)


async def test_a_broken_file_that_is_the_only_change_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_stage(tmp_path) as stage:
        newsroom = stage.bot.newsroom
        stage.write("fine")
        await newsroom.load()
        (stage.folder / "bad.md").write_text("---\ncategory: news\ntitle: Rust: the movie\n---\n")
        for _ in range(3):
            await newsroom.load()
            (stage.folder / "fine.md").touch()
        told = [record.getMessage() for record in caplog.records if "bad.md" in record.getMessage()]
        assert len(told) == 1
        assert told[0].startswith("bad.md:3: ")
        stage.write("bad")
        await newsroom.load()
        (stage.folder / "bad.md").write_text("---\ncategory: news\ntitle: Rust: the movie\n---\n")
        await newsroom.load()
        assert sum("bad.md:3: " in record.getMessage() for record in caplog.records) == 2


@needs_git
async def test_posts_stay_the_same_messages_while_somebody_checks_out_under_the_watcher(tmp_path: Path) -> None:
    """Loads come between the steps of a checkout that takes the files away and brings them back."""
    async with on_stage(tmp_path) as stage:
        git(stage.folder, "init", "-b", "main")
        commit(stage.folder, "read-me.txt")
        git(stage.folder, "branch", "empty")
        for number in range(6):
            stage.write(f"card{number}")
        commit(stage.folder, "more.txt")
        await stage.subscribe()
        await stage.load()
        before = [message.id for message in stage.posts()]
        assert len(before) == 6
        for _ in range(4):
            git(stage.folder, "checkout", "empty")
            await stage.load()
            git(stage.folder, "checkout", "main")
            stage.clock.move(seconds=60)
            await stage.load()
            assert [message.id for message in stage.posts()] == before
