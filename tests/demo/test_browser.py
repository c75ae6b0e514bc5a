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

import pytest

from bot.demo.feed_site import ADDRESS, PAGE_ADDRESS
from tests.demo.chromium import PATIENCE, PROGRAM, open_chromium
from tests.demo.visitor import FRAME, MESSAGES, STATUS, Visitor, open_demo, visit_demo

ROOT = Path(__file__).parent.parent.parent

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium (on Debian: apt install chromium)"),
    pytest.mark.timeout(900),
]


@asynccontextmanager
async def run_demo() -> AsyncIterator[str]:
    """The demo as a process of its own, and its address. Ends with Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--no-browser", "--port", "0"),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        async with asyncio.timeout(PATIENCE):
            address = re.search(rb"http://\S+/", await process.stdout.readline())
        assert address
        yield address[0].decode()
    finally:
        process.send_signal(signal.SIGINT)
        rest = await process.stdout.read()
        assert await process.wait() == 0
        assert b"The demo has ended." in rest


async def test_cards_appear_a_held_one_is_published_and_a_refusal_is_an_answer(tmp_path: Path) -> None:
    async with run_demo() as address, open_chromium(tmp_path) as page:
        visitor = await open_demo(page, address)
        await visitor.read("Linux 6.1 opens the door to Rust")
        await page.wait_until(
            f"[...{FRAME}.querySelectorAll('#channel-message-list img')].some(i => i.naturalWidth > 1000)"
        )
        await visitor.show_channel("desk")
        await visitor.click("Publish")
        await visitor.read("Published by @Ada")
        await page.wait_until("document.querySelector('[data-channel=news] .count')")
        await visitor.show_channel("news")
        await visitor.read("InfoWorld’s 2020 Technology")
        await visitor.run_command("saved list")
        await visitor.read("saved any cards yet")
        await page.call_method("Page.reload")
        await visitor.read("InfoWorld’s 2020 Technology")


async def test_a_feed_is_followed_and_its_newest_card_is_posted(tmp_path: Path) -> None:
    async with visit_demo(tmp_path) as visit:
        visitor = visit.visitor
        await visitor.run_command("feed add", url=ADDRESS, policy="publish", newest="1")
        await visitor.read("The Harbour Gazette")
        await visitor.click("Follow this feed")
        await visitor.read("newest card is published")
        await visitor.read_post("School orchestra plays on the pier")


async def test_a_submitted_link_is_edited_at_the_desk_and_published(tmp_path: Path) -> None:
    async with visit_demo(tmp_path) as visit:
        visitor = visit.visitor
        await visitor.become("Max")
        await visitor.run_command("submit", url=PAGE_ADDRESS)
        await visitor.read("Regatta moves to the second weekend of May")
        await visitor.click("Submit")
        await visitor.read("moderators")
        await visitor.become("Ada")
        await visitor.show_channel("desk")
        await visitor.read("Regatta moves to the second weekend of May")
        await visitor.click("Edit")
        await visitor.click("Edit…")
        await visitor.fill_form({"Regatta moves to the second weekend of May": "Regatta a week later"})
        await visitor.read("Edited by @Ada")
        await visitor.wait_ready()
        await visitor.click("Publish")
        await visitor.read("Published by @Ada")
        await visitor.show_channel("news")
        await visitor.read_post("Regatta a week later")


async def test_the_menu_of_a_message_finds_its_card_and_the_owner_sees_the_status(tmp_path: Path) -> None:
    async with visit_demo(tmp_path) as visit:
        visitor = visit.visitor
        await visitor.open_menu("Linux 6.1 opens the door to Rust")
        await visitor.click("Find this card")
        await visitor.read("used Find this card")
        await visitor.run_command("status")
        await visitor.read("Last load")
        await visitor.run_command("help")
        await visitor.read("/feed add")
        assert "</" not in await visitor.page.evaluate(MESSAGES), "commands have names, not ids"


async def test_a_member_does_not_see_the_desk_and_stays_a_member_in_other_channels(tmp_path: Path) -> None:
    async with visit_demo(tmp_path) as visit:
        visitor = visit.visitor
        await visitor.become("Max")
        await visitor.page.wait_until("!document.querySelector('[data-channel=desk]')")
        await visitor.show_channel("digest")
        assert await visitor.viewer_name() == "Max (member)"


async def test_a_page_that_lost_an_action_recovers_by_itself(tmp_path: Path) -> None:
    async with visit_demo(tmp_path) as visit:
        visitor = visit.visitor
        await visitor.fail_next_request()
        await visitor.type_command("saved list")
        await visitor.send_command()
        await visitor.page.wait_until("!document.getElementById('notice').hidden")
        await visitor.page.wait_until(f"{STATUS}?.ready && !{STATUS}.transport.uncertainRequestId")
        await visitor.run_command("saved list")
        await visitor.read("saved any cards yet")


async def test_a_click_during_an_action_is_kept(tmp_path: Path) -> None:
    async with visit_demo(tmp_path) as visit:
        visitor: Visitor = visit.visitor
        await visitor.type_command("topics")
        await visitor.page.evaluate(f"{FRAME}.getElementById('send-message').click(), {visitor.button('Save')}.click()")
        await visitor.read("used /topics")
        await visitor.read("Saved.")


async def test_a_click_on_the_send_button_while_suggestions_are_fetched_is_kept(tmp_path: Path) -> None:
    async with visit_demo(tmp_path) as visit:
        visitor: Visitor = visit.visitor
        await visitor.type_command("follow")
        await visitor.page.evaluate(_CLICK_WHEN_DISABLED)
        await visitor.fill_option("topic", "S")
        await visitor.read("You're following")


_CLICK_WHEN_DISABLED = f"""(() => {{
  const page = {FRAME}, send = page.getElementById('send-message');
  new page.defaultView.MutationObserver((_changes, observer) => {{
    if (!send.disabled) return;
    observer.disconnect();
    const box = send.getBoundingClientRect(), place = {{clientX: box.x + 5, clientY: box.y + 5}};
    const click = new MouseEvent('click', {{bubbles: true, cancelable: true, ...place}});
    page.elementFromPoint(place.clientX, place.clientY).dispatchEvent(click);
  }}).observe(send, {{attributes: true}});
}})()"""


async def test_an_answer_taller_than_the_page_is_shown_from_its_start(tmp_path: Path) -> None:
    async with visit_demo(tmp_path, width=390, height=700) as visit:
        await visit.visitor.run_command("help")
        await visit.visitor.page.wait_until(_STARTS_IN_VIEW)


_STARTS_IN_VIEW = f"""(() => {{
  const list = {FRAME}.getElementById('channel-timeline').getBoundingClientRect();
  const answer = {FRAME}.getElementById('channel-message-list').lastElementChild.getBoundingClientRect();
  return answer.height > list.height && Math.abs(answer.top - list.top) < 50;
}})()"""


async def test_the_demo_speaks_german_around_the_bots_texts_too(tmp_path: Path) -> None:
    async with visit_demo(tmp_path, language="de") as visit:
        visitor = visit.visitor
        await visitor.run_command("help")
        await visitor.read("Ada (administrator) nutzt /hilfe")
        await visitor.read("/feed hinzufügen")
        messages = await visitor.page.evaluate(MESSAGES)
        assert "Nur für dich sichtbar" in messages
        assert "(edited)" not in messages
        assert "/feed add" not in messages
