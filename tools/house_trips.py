"""Count the files and functions that five trips through the bot enter: `python tools/house_trips.py CHECKOUT`.

Each trip runs on the offline Discord with a profiler that notes every function of `bot` and `cogs`, the stage itself
left out. `tools/house_figures.py` calls this with the checkout's packages in front.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

from tests.support.stage import BotStage, open_stage

Trip = Callable[["BotStage", "Tracer"], Awaitable[None]]


class Tracer:
    """Notes which functions of a checkout are entered, in every thread that starts meanwhile."""

    def __init__(self, checkout: Path) -> None:
        self._rooms = (f"{checkout}/bot/", f"{checkout}/cogs/")
        self._stage = f"{checkout}/bot/demo/"
        self.entered: set[CodeType] = set()

    @contextmanager
    def trace(self) -> Iterator[None]:
        threading.setprofile(self._note_call)
        sys.setprofile(self._note_call)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]  # its stub knows no None

    def _note_call(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        # `<module>`, comprehensions and lambdas are parts of what stands around them.
        if event == "call" and not code.co_name.startswith("<"):
            file = code.co_filename
            if file.startswith(self._rooms) and not file.startswith(self._stage):
                self.entered.add(code)

    @property
    def files(self) -> set[str]:
        return {code.co_filename for code in self.entered}


async def _post_card(stage: BotStage, tracer: Tracer) -> None:
    await stage.subscribe_channel()
    stage.write_card("one")
    stage.clock.advance(seconds=1)
    with tracer.trace():
        await stage.load_cards()
    assert stage.list_titles() == ["Title of one"]


async def _search(stage: BotStage, tracer: Tracer) -> None:
    await stage.load_cards(*(f"card{number}" for number in range(7)))
    with tracer.trace():
        result = await stage.member.slash(stage.news, "search", query="title")
    assert result.response.embeds


async def _turn_page(stage: BotStage, tracer: Tracer) -> None:
    await stage.load_cards(*(f"card{number}" for number in range(7)))
    first = await stage.member.slash(stage.news, "search", query="title")
    await stage.restart_bot()
    with tracer.trace():
        second = await stage.member.click(first.response, label="More →")
    assert second.response.embeds


async def _publish(stage: BotStage, tracer: Tracer) -> None:
    await stage.subscribe_channel()
    desk = stage.private_channel("desk")
    await stage.admin.slash(stage.news, "desk channel", channel=desk)
    await stage.load_cards("one", published="false", heat=10)
    (review,) = stage.list_posts(desk)
    with tracer.trace():
        await stage.admin.click(review, label="Publish")
    (record,) = stage.list_posts(desk)
    assert "Published by" in record.content


async def _post_digest(stage: BotStage, tracer: Tracer) -> None:
    await stage.subscribe_channel(when="daily", at="18:00", timezone="UTC")
    await stage.load_cards("one")
    stage.clock.advance(hours=6)
    with tracer.trace():
        await stage.bot.pipeline.plan_and_deliver()
    assert stage.list_posts()


TRIPS: dict[str, Trip] = {
    "card file → post": _post_card,
    "/search": _search,
    "its page button after a restart": _turn_page,
    "Publish click → reply": _publish,
    "digest slot → message": _post_digest,
}


async def measure_trips(checkout: Path) -> dict[str, Tracer]:
    """Make each trip on a stage of its own."""
    measured = {}
    for name, make_trip in TRIPS.items():
        measured[name] = Tracer(checkout)
        with tempfile.TemporaryDirectory() as folder:
            async with open_stage(Path(folder)) as stage:
                await make_trip(stage, measured[name])
    return measured


def main(checkout: str) -> None:
    for name, tracer in asyncio.run(measure_trips(Path(checkout))).items():
        print(f"{name:32} {len(tracer.files):4} files {len(tracer.entered):5} functions")
        assert tracer.entered, "the packages of another checkout are installed in front"


if __name__ == "__main__":
    main(sys.argv[1])
