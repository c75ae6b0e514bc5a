"""A bot that is started while Discord, or the proxy in front of it, is away."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.cli.health import read_health
from bot.clock import utc_now
from bot.settings import load_settings
from tests.crash.process import ROOT, BotProcess
from tests.support.forwarder import forward_port
from tests.support.polling import PATIENCE, poll_until, wait_until
from tests.support.postgres import free_port
from tests.wire.client import WireDiscord

_SHORT_LIMIT = "import bot.client.discord_wait as wait; wait.LIMIT = 1.5; from bot.__main__ import main; main()"


@pytest.mark.parametrize("only", ["", "courier", "gateway"])
async def test_it_waits_says_so_and_goes_to_work_once_there_is_a_way(tmp_path: Path, only: str) -> None:
    port = free_port()
    async with WireDiscord() as wire, AsyncExitStack() as stack:
        guild = await wire.add_guild("text")
        (channel,) = (each.id for each in guild.channels)
        bot = stack.enter_context(
            BotProcess(tmp_path / "run", f"http://127.0.0.1:{port}/api/v10", only=only, log_level="WARNING")
        )
        await bot.prepare_store([channel], guild.id, 3)
        bot.start()
        await wait_until(lambda: "Waiting for Discord: Cannot connect to host 127.0.0.1" in bot.log)
        settings = load_settings(_env_file=None, database_url=bot.url)
        well, seen = await poll_until(lambda: read_health(settings, utc_now()), lambda found: "waiting" in found[1])
        assert not well
        assert "waiting for Discord: Cannot connect to host 127.0.0.1" in seen
        await stack.enter_async_context(forward_port(port, wire.address.port))
        if only != "gateway":
            await wire.wait_for_messages(channel, 3)
        if only != "courier":
            await wire.wait_for_sessions()
        assert "Discord answers again" in bot.log
        assert "Unclosed" not in bot.log
        _, seen = await read_health(settings, utc_now())
        assert "waiting" not in seen
        assert bot.terminate() == 0, bot.log


async def test_it_ends_in_order_while_it_waits(tmp_path: Path) -> None:
    with BotProcess(tmp_path / "run", f"http://127.0.0.1:{free_port()}/api/v10", log_level="WARNING") as bot:
        await bot.prepare_store([], 0, 0)
        bot.start()
        await wait_until(lambda: "Waiting for Discord" in bot.log)
        assert bot.terminate() == 0, bot.log
        assert "Traceback" not in bot.log


async def test_posts_go_out_while_the_gateway_alone_is_away(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text")
        (channel,) = (each.id for each in guild.channels)
        await wire.configure_settings(gateway_down=True)
        with BotProcess(tmp_path / "run", wire.address.api, log_level="WARNING") as bot:
            await bot.prepare_store([channel], guild.id, 3)
            bot.start()
            await wire.wait_for_messages(channel, 3)
            await wait_until(lambda: "Waiting for Discord: the gateway cannot be reached" in bot.log)
            await wire.configure_settings(gateway_down=False)
            await wire.wait_for_sessions()
            assert bot.terminate() == 0, bot.log


def test_it_gives_up_after_the_limit_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "cards").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSDESK_")} | {
        "NEWSDESK_TOKEN": "a.test.token",
        "NEWSDESK_DISCORD_API": f"http://127.0.0.1:{free_port()}/api/v10",
        "NEWSDESK_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/test.db",
        "NEWSDESK_CARDS": str(tmp_path / "cards"),
    }
    done = subprocess.run(
        [sys.executable, "-c", _SHORT_LIMIT, "run"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 1, "a service manager is to try again"
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Discord could not be reached for 0.025 minutes: Cannot connect to host 127.0.0.1")
    assert last.endswith("then start again.")
    assert "Traceback" not in done.stderr
