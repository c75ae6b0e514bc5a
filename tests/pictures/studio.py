"""Takes a screen's picture: the bot's messages rather than the page around them."""

from __future__ import annotations

import asyncio
import io
import json
import math
from pathlib import Path

from PIL import Image

from tests.demo.visitor import FRAME, Visitor
from tests.pictures.screens import Screen

SIZES = {"desktop": (792, 2600), "phone": (390, 3200)}
THEMES = ("dark", "light")
_COLOURS = 256
_SCROLLED = 0.5
"""Seconds until the page has settled after scrolling. A picture that is taken too early is only less well cut."""
_FOCUS = """(() => {
  const frame = document.getElementById('channel'), page = frame.contentDocument;
  const all = [...page.querySelectorAll('.channel-message')], outer = frame.getBoundingClientRect();
  const found = PART ? [page.querySelector(PART)] : all.slice(-COUNT);
  for (const each of all) each.style.marginTop = each === found[0] ? '24px' : '';
  page.getElementById('channel-message-list').style.paddingBottom = '24px';
  found[0].scrollIntoView({block: 'start'});
  const list = page.getElementById('channel-timeline').getBoundingClientRect();
  const first = found[0].getBoundingClientRect(), last = found.at(-1).getBoundingClientRect();
  if (PART) return {x: outer.left + first.left, y: outer.top + first.top, width: first.width, height: first.height};
  const top = Math.max(first.top - 12, list.top), bottom = Math.min(last.bottom + 16, list.bottom);
  return {x: outer.left, y: outer.top + top, width: outer.width, height: bottom - top};
})()"""


async def take_picture(visitor: Visitor, screen: Screen, height: float = math.inf) -> bytes:
    """Return the picture of a screen as it is now, as a small PNG. What is below `height` is left out."""
    await visitor.wait_ready()
    await wait_for_images(visitor)
    focus = _FOCUS.replace("PART", json.dumps(screen.part)).replace("COUNT", str(screen.messages))
    await visitor.page.evaluate(focus)
    await asyncio.sleep(_SCROLLED)
    clip = await visitor.page.evaluate(focus)
    clip["height"] = min(clip["height"], height)
    return shrink(await visitor.page.take_picture(clip))


async def wait_for_images(visitor: Visitor) -> None:
    await visitor.page.wait_until(f"[...{FRAME}.images].every(i => i.complete)")


async def take_pictures(visitor: Visitor, screen: Screen, place: Path) -> None:
    """Save a screen in each size and theme."""
    for size, (width, height) in SIZES.items():
        await visitor.page.resize(width, height)
        for theme in THEMES:
            await visitor.page.use_theme(theme)
            picture = await take_picture(visitor, screen)
            await asyncio.to_thread((place / f"{screen.name}-{theme}-{size}.png").write_bytes, picture)


def shrink(png: bytes) -> bytes:
    """Return the same picture in a palette of its own, a third of the size."""
    smaller = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return smaller.getvalue()
