"""`newsdesk demo` in a real browser: cards come by themselves, commands are answered, channels change."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import pytest

from tests.demo.chromium import PROGRAM, BrowserPage, open_chromium

ROOT = Path(__file__).parent.parent.parent
FRAME = "document.getElementById('channel').contentDocument"
MESSAGES = f"{FRAME}.getElementById('channel-message-list').innerText"
ENTER = ("Enter", 13)

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs Chromium (on Debian: apt install chromium)")


@asynccontextmanager
async def run_demo() -> AsyncIterator[str]:
    """The demo as a process of its own, and its address. Ends with Ctrl-C, which must not take long."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--no-browser", "--port", "0"),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        async with asyncio.timeout(20):
            address = re.search(rb"http://\S+/", await process.stdout.readline())
        assert address
        yield address[0].decode()
    finally:
        began = perf_counter()
        process.send_signal(signal.SIGINT)
        rest = await process.stdout.read()
        assert await process.wait() == 0
        assert b"The demo has ended." in rest
        assert perf_counter() - began < 5  # far less on a machine with nothing else to do


async def _show_channel(page: BrowserPage, channel: str) -> None:
    await page.evaluate(f"document.querySelector('[data-channel={channel}]').click()")
    await page.wait_until(f"{FRAME}.getElementById('channel-name').innerText === '{channel}'")
    await page.wait_until("document.getElementById('channel').contentWindow.simcordPreview?.ready")


async def _type_command(page: BrowserPage, words: str) -> None:
    """Type the beginning of a command, take the suggestion, send it."""
    await page.evaluate(f"{FRAME}.getElementById('channel-composer-input').focus()")
    await page.type_text(words)
    await page.wait_until(f"{FRAME}.querySelector('.command-popup:not([hidden])')")
    await page.press_key(*ENTER)
    await page.wait_until(f"{FRAME}.querySelector('.command-chip')")
    await page.press_key(*ENTER)


async def test_cards_appear_a_held_one_is_published_and_a_refusal_is_an_answer(tmp_path: Path) -> None:
    async with run_demo() as address, open_chromium(tmp_path) as page:
        await page.open_page(address)
        await page.wait_until(f"{MESSAGES}.includes('Linux 6.1 opens the door to Rust')", 20)
        await page.wait_until(
            f"[...{FRAME}.querySelectorAll('#channel-message-list img')].some(i => i.naturalWidth > 1000)"
        )
        await _show_channel(page, "desk")
        await page.wait_until(f"{MESSAGES}.includes('Held: already covered')")
        await page.evaluate(f"[...{FRAME}.querySelectorAll('button')].findLast(b => b.innerText === 'Publish').click()")
        await page.wait_until(f"{MESSAGES}.includes('Published by @Ada')")
        await page.wait_until("document.querySelector('[data-channel=news] .count')")
        await _show_channel(page, "news")
        await page.wait_until(f"{MESSAGES}.includes('InfoWorld’s 2020 Technology')")
        await _type_command(page, "/saved list")
        await page.wait_until(f"{MESSAGES}.includes('You have not saved any card yet')")
        assert "uncertain" not in await page.evaluate(f"{FRAME}.getElementById('action-status').innerText")
        await page.call_method("Page.reload")
        await page.wait_until(f"{MESSAGES}.includes('InfoWorld’s 2020 Technology')")
