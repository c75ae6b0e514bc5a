"""A visitor of the demo in a real browser: reads, types commands, clicks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.demo.browser import open_site, prepare_demo
from bot.demo.environment import DemoEnvironment, open_environment
from bot.i18n import ENGLISH, override_language, tr, tr_command_name
from tests.demo.chromium import BrowserPage, open_chromium

FRAME = "document.getElementById('channel').contentDocument"
STATUS = "document.getElementById('channel').contentWindow.simcordPreview"
MESSAGES = f"{FRAME}.getElementById('channel-message-list').innerText"
FREE = f"{STATUS}?.ready && !{STATUS}.pendingAction && !({STATUS}.awaitingRevision > {STATUS}.publishedRevision)"
ENTER, TAB, ESCAPE = ("Enter", 13), ("Tab", 9), ("Escape", 27)


@dataclass
class Visitor:
    """One person at one browser tab."""

    page: BrowserPage
    language: str = ENGLISH

    async def wait_ready(self) -> None:
        await self.page.wait_until(FREE)

    async def show_channel(self, channel: str) -> None:
        button = f"document.querySelector('[data-channel={channel}]')"
        await self.page.wait_until(button)
        await self.page.evaluate(f"{button}.click()")
        await self.page.wait_until(f"{FRAME}.getElementById('channel-name').innerText === '{channel}'")
        await self.wait_ready()

    async def become(self, name: str) -> None:
        """View the channel as somebody else, by the beginning of the name."""
        await self.wait_ready()
        chosen = f"[...picker.options].find(o => o.text.startsWith({json.dumps(name)}))"
        await self.page.evaluate(
            f"(() => {{ const picker = {FRAME}.getElementById('viewer-picker'); picker.value = {chosen}.value;"
            " picker.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        await self.page.wait_until(
            f"{FRAME}.getElementById('viewer-picker').selectedOptions[0]?.text.startsWith('{name}')"
        )
        await self.wait_ready()

    async def type_command(self, command: str, **options: str) -> None:
        """Choose a command from the list, and fill its options in."""
        await self.page.wait_until(f"{STATUS}.ready && !{FRAME}.querySelector('.command-chip')")
        await self.page.evaluate(f"{FRAME}.getElementById('channel-composer-input').focus()")
        await self.page.type_text("/" + " ".join(tr_command_name(word, self.language) for word in command.split()))
        await self.page.wait_until(f"{FRAME}.querySelector('.command-popup:not([hidden]) [role=option]')")
        await self.page.press_key(*ENTER)
        await self.page.wait_until(f"{FRAME}.querySelector('.command-chip')")
        for name, value in options.items():
            await self.fill_option(name, value)

    async def fill_option(self, name: str, value: str) -> None:
        """Type the value of an option."""
        field = f"{FRAME}.querySelector('.command-option-input[data-option={name}]')"
        if not await self.page.evaluate(f"Boolean({field})"):
            await self.page.evaluate(f"{FRAME}.querySelector('.command-ghost').click()")
            offered = f"[...{FRAME}.querySelectorAll('.command-popup [role=option]')]"
            option = f"{offered}.find(o => o.innerText.startsWith('{name}'))"
            await self.page.wait_until(option)
            await self.page.evaluate(f"{option}.click()")
            await self.page.wait_until(field)
        await self.page.evaluate(f"{field}.focus()")
        await self.page.type_text(value)

    async def choose_option(self, name: str, typed: str) -> None:
        """Fill an option in with the first of what is suggested."""
        await self.fill_option(name, typed)
        suggestion = f"{FRAME}.querySelector('.command-popup:not([hidden]) [role=option]')"
        await self.page.wait_until(suggestion)
        await self.page.evaluate(f"{suggestion}.click()")

    async def send_command(self) -> None:
        # The button is disabled while suggestions are fetched, and ignores clicks then.
        button = f"{FRAME}.getElementById('send-message')"
        await self.page.wait_until(f"(button => !button.disabled && (button.click(), true))({button})")

    async def run_command(self, command: str, **options: str) -> None:
        await self.type_command(command, **options)
        await self.send_and_wait()

    async def send_and_wait(self) -> None:
        """Send the command, and wait for its answer."""
        await self.send_command()
        await self.page.wait_until(f"!{FRAME}.querySelector('.command-chip') && {FREE}")

    def button(self, label: str) -> str:
        """Return the expression of the last button with a label, which is given in English."""
        with override_language(self.language):
            label = tr(label)
        found = f"[...{FRAME}.querySelectorAll('button, a.component-button')]"
        text = "(b.querySelector('.button-label') ?? b).innerText.trim()"
        return f"{found}.findLast(b => !b.disabled && {text} === {json.dumps(label)})"

    async def click(self, label: str) -> None:
        await self.page.wait_until(self.button(label))
        await self.page.evaluate(f"{self.button(label)}.click()")

    async def read(self, text: str) -> None:
        """Wait until the channel shows a text."""
        await self.page.wait_until(f"{MESSAGES}.includes({json.dumps(text)})")

    async def read_post(self, text: str) -> None:
        """Wait until the channel shows a text in a message that everybody sees."""
        messages = f"[...{FRAME}.querySelectorAll('.channel-message:not(:has(.message-ephemeral-note))')]"
        await self.page.wait_until(f"{messages}.some(m => m.innerText.includes({json.dumps(text)}))")

    async def fill_form(self, texts: dict[str, str]) -> None:
        """Replace texts of the open form by others, and submit it."""
        await self.page.wait_until(f"{FRAME}.querySelector('.modal-dialog')")
        await self.wait_ready()
        for old, new in texts.items():
            field = f"[...{FRAME}.querySelectorAll('.modal-input')].find(i => i.value === {json.dumps(old)})"
            await self.page.wait_until(field)
            await self.page.evaluate(f"{field}.focus(), {field}.select()")
            await self.page.type_text(new)
        await self.page.evaluate(f"[...{FRAME}.querySelectorAll('.modal-actions button')].at(-1).click()")
        await self.page.wait_until(f"!{FRAME}.querySelector('.modal-dialog')")

    async def close_form(self) -> None:
        """Close the form, if one is open."""
        close = f"{FRAME}.querySelector('.modal-dialog .modal-close')"
        await self.page.wait_until(f"!{close} || ({close}.click(), false)")
        await self.wait_ready()

    async def open_menu(self, text: str) -> None:
        """Right-click the last message with a text."""
        event = "new MouseEvent('contextmenu', {bubbles: true, clientX: 400, clientY: 300})"
        await self.page.evaluate(f"{_find_message(text)}.dispatchEvent({event})")

    async def viewer_name(self) -> str:
        found: str = await self.page.evaluate(f"{FRAME}.getElementById('viewer-picker').selectedOptions[0].text")
        return found

    async def fail_next_request(self) -> None:
        """Let the next action of the page fail on its way."""
        window = "document.getElementById('channel').contentWindow"
        await self.page.evaluate(
            f"(() => {{ const w = {window}, before = w.fetch; w.fetch = (path, ...rest) => path === '/api/action'"
            " ? (w.fetch = before, Promise.reject(new Error('lost'))) : before.call(w, path, ...rest); })()"
        )

    async def scroll_to(self, text: str) -> None:
        """Bring the last message with a text to the top."""
        await self.page.evaluate(f"{_find_message(text)}.scrollIntoView({{block: 'start'}})")


def _find_message(text: str) -> str:
    messages = f"[...{FRAME}.querySelectorAll('.channel-message')]"
    return f"{messages}.findLast(m => m.innerText.includes({json.dumps(text)}))"


async def open_demo(page: BrowserPage, address: str, language: str = ENGLISH, **window: Any) -> Visitor:
    """Open the demo's page, and wait until it can be used."""
    await page.open_page(address, **window)
    visitor = Visitor(page, language)
    await visitor.wait_ready()
    return visitor


@dataclass
class DemoVisit:
    """A demo in this process, and a visitor of it."""

    stage: DemoEnvironment
    address: str
    visitor: Visitor


@asynccontextmanager
async def visit_demo(profile: Path, *, language: str = ENGLISH, **window: Any) -> AsyncIterator[DemoVisit]:
    """Open the demo without news of its own accord, and a browser on it."""
    async with (
        open_environment(background=True, language=language) as stage,
        open_site(stage, 0) as site,
        open_chromium(profile) as page,
    ):
        await prepare_demo(stage)
        visitor = await open_demo(page, site.address, language, **window)
        yield DemoVisit(stage, site.address, visitor)
