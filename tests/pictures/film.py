"""The main story as a moving picture: a feed is followed, its first card is posted, and a digest is looked at."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from bot.demo.feed_site import ADDRESS
from tests.demo.visitor import ENTER, FRAME, Visitor, visit_demo
from tests.pictures.studio import wait_for_images

_WIDTH, _HEIGHT = 620, 560
_SCALE = 1.0
_SHORT, _LONG = 90, 2600
"""Milliseconds that a key stroke and a screen stay."""
_HIDE = f"{FRAME}.querySelector('.preview-toolbar').style.display = 'none'"


@dataclass
class _Film:
    """Frames, and how long each stays."""

    visitor: Visitor
    frames: list[Image.Image] = field(default_factory=list)
    milliseconds: list[int] = field(default_factory=list)

    async def shoot(self, milliseconds: int = _LONG) -> None:
        picture = Image.open(io.BytesIO(await self.visitor.page.take_picture())).convert("RGB")
        if self.frames and picture.tobytes() == self.frames[-1].tobytes():
            self.milliseconds[-1] += milliseconds
            return
        self.frames.append(picture)
        self.milliseconds.append(milliseconds)

    async def type_slowly(self, text: str, step: int = 3) -> None:
        for start in range(0, len(text), step):
            await self.visitor.page.type_text(text[start : start + step])
            await self.shoot(_SHORT)

    async def shoot_answer(self, text: str) -> None:
        await self.visitor.read(text)
        await self.visitor.wait_ready()
        await wait_for_images(self.visitor)
        await self.shoot()

    def save(self, path: Path) -> None:
        self.frames[0].save(
            path, save_all=True, append_images=self.frames[1:], duration=self.milliseconds, loop=0, quality=72, method=6
        )


async def draw_film(path: Path) -> None:
    with tempfile.TemporaryDirectory() as profile:
        async with visit_demo(Path(profile), width=_WIDTH, height=_HEIGHT, scale=_SCALE) as visit:
            film = _Film(visit.visitor)
            await _tell_story(film)
            film.save(path)


async def _tell_story(film: _Film) -> None:
    visitor = film.visitor
    await visitor.page.evaluate(_HIDE)
    await film.shoot()
    await visitor.page.evaluate(f"{FRAME}.getElementById('channel-composer-input').focus()")
    await film.type_slowly("/feed add")
    await film.shoot(900)
    await visitor.page.press_key(*ENTER)
    await visitor.page.wait_until(f"{FRAME}.querySelector('.command-chip')")
    await visitor.fill_option("url", ADDRESS)
    await film.shoot(900)
    await visitor.fill_option("policy", "publish")
    await visitor.fill_option("newest", "1")
    await film.shoot(900)
    await visitor.send_and_wait()
    await visitor.read("The Harbour Gazette")
    await visitor.wait_ready()
    await visitor.scroll_to("The Harbour Gazette")
    await film.shoot()
    await visitor.page.evaluate(f"{visitor.button('Follow this feed')}.scrollIntoView({{block: 'end'}})")
    await film.shoot(1200)
    await visitor.click("Follow this feed")
    await film.shoot_answer("newest card is published")
    await visitor.read_post("School orchestra plays on the pier")
    await visitor.scroll_to("School orchestra plays on the pier")
    await film.shoot()
    await visitor.show_channel("digest")
    await visitor.page.evaluate(_HIDE)
    await wait_for_images(visitor)
    await film.shoot(3500)
