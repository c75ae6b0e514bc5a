"""Debian's Chromium, driven over its DevTools protocol: one page, and questions to it in JavaScript."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE = 300.0
"""Seconds that a page may take on a machine with much else to do."""
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--disable-sync", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"),
)
_ENDPOINT = re.compile(rb"DevTools listening on (ws://\S+)")


class BrowserPage:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._session: str | None = None

    async def open_page(
        self, address: str, width: int = 1280, height: int = 900, *, scale: float = 1, theme: str = "dark"
    ) -> None:
        target = await self.call_method("Target.createTarget", url="about:blank")
        attached = await self.call_method("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        await self.resize(width, height, scale)
        await self.use_theme(theme)
        await self.call_method("Page.navigate", url=address)

    async def resize(self, width: int, height: int, scale: float = 1) -> None:
        await self.call_method(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    async def use_theme(self, theme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": theme}]
        await self.call_method("Emulation.setEmulatedMedia", features=features)

    async def call_method(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        async for event in self._socket:
            answer = json.loads(event.data)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
        raise RuntimeError("Chromium went away")

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = await self.call_method("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def wait_until(self, script: str, seconds: float = PATIENCE) -> None:
        """Wait for an expression to become true. Raises `TimeoutError`."""
        for _ in range(int(seconds * 10)):
            try:
                if await self.evaluate(f"Boolean({script})"):
                    return
            except RuntimeError:
                pass  # the page, or the frame in it, is just being exchanged
            await asyncio.sleep(0.1)
        raise TimeoutError(f"{script} within {seconds} s")

    async def type_text(self, text: str) -> None:
        """Type as a person does, key by key."""
        for letter in text:
            await self.call_method("Input.dispatchKeyEvent", type="char", text=letter)

    async def press_key(self, key: str, code: int) -> None:
        parts = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        parts |= {"text": "\r"} if key == "Enter" else {}
        await self.call_method("Input.dispatchKeyEvent", type="keyDown", **parts)
        await self.call_method("Input.dispatchKeyEvent", type="keyUp", **parts)

    async def take_picture(self, clip: dict[str, float] | None = None) -> bytes:
        """Return the visible page as PNG, or the part of it in `clip`."""
        part = {"clip": {**clip, "scale": 1}} if clip else {}
        shot = await self.call_method("Page.captureScreenshot", format="png", **part)
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def open_chromium(profile: Path) -> AsyncIterator[BrowserPage]:
    """A Chromium of its own with an empty profile. Ends with the block."""
    if PROGRAM is None:
        raise FileNotFoundError("chromium")
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *_FLAGS, f"--user-data-dir={profile}", "about:blank", stderr=asyncio.subprocess.PIPE
    )
    reading: asyncio.Task[None] | None = None
    try:
        endpoint = await asyncio.wait_for(_find_endpoint(process), PATIENCE)
        reading = asyncio.create_task(_drain_output(process))
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(endpoint, max_msg_size=64 * 1024 * 1024) as socket,
        ):
            yield BrowserPage(socket)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if reading:
            await reading


async def _find_endpoint(process: asyncio.subprocess.Process) -> str:
    assert process.stderr
    async for line in process.stderr:
        if match := _ENDPOINT.search(line):
            return match[1].decode()
    raise RuntimeError("Chromium ended before it listened")


async def _drain_output(process: asyncio.subprocess.Process) -> None:
    """What it keeps complaining about must not fill the pipe and stop it."""
    assert process.stderr
    while await process.stderr.read(65536):
        pass
