"""Commands that another program with the same token overwrote: doctor says so, and the next start brings them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from discord.http import Route

from bot.app import open_bot
from bot.doctor import Severity
from bot.store import open_store
from tests.doctor.conftest import House
from tests.wire.client import ANY
from tests.wire.errors import Json

COMMANDS = "/commands$"
Overwrite = Callable[["Other"], Awaitable[None]]


class Other:
    """Another program that has the token."""

    def __init__(self, house: House, session: aiohttp.ClientSession, application: int) -> None:
        self._house = house
        self._session = session
        self._base = f"{house.wire.address.api}/applications/{application}/commands"

    async def call(self, method: str, path: str = "", body: object = None) -> None:
        headers = {"Authorization": "Bot a.test.token"}
        async with self._session.request(method, self._base + path, json=body, headers=headers) as response:
            assert response.status < 300, await response.text()

    async def theirs(self) -> list[Json]:
        return await self._house.wire.commands()

    async def put_none(self) -> None:
        await self.call("PUT", body=[])

    async def put_others(self) -> None:
        await self.call("PUT", body=[{"name": "play", "description": "Music", "type": 1}])

    async def remove_one(self) -> None:
        (first, *_) = await self.theirs()
        await self.call("DELETE", f"/{first['id']}")

    async def change_one(self) -> None:
        changed = next(each for each in await self.theirs() if each["type"] == 1)
        await self.call("POST", body={"name": changed["name"], "description": "Something else", "type": 1})

    async def add_one(self) -> None:
        await self.call("POST", body={"name": "play", "description": "Music", "type": 1})


OVERWRITES: dict[str, Overwrite] = {
    "none": Other.put_none,
    "others": Other.put_others,
    "one removed": Other.remove_one,
    "one changed": Other.change_one,
    "one more": Other.add_one,
}


async def start(house: House) -> int:
    """Log in as a start does. Gives the application's id."""
    async with open_bot(house.settings, clock=house.clock, background=False) as bot:
        await bot.login("a.test.token")
        return bot.application_id or 0


async def uploads(house: House) -> int:
    return len(await house.wire.requests(method="PUT", path=COMMANDS))


@pytest.mark.parametrize("overwrite", OVERWRITES)
async def test_commands_that_somebody_overwrote_are_told_and_registered_again(house: House, overwrite: str) -> None:
    application = await start(house)
    ours = {(each["type"], each["name"], each["description"]) for each in await house.wire.commands()}
    assert await house.troubles() == []
    async with aiohttp.ClientSession() as session:
        await OVERWRITES[overwrite](Other(house, session, application))
    (trouble,) = await house.troubles()
    assert trouble.severity is Severity.ERROR
    assert ("none of the bot's commands" if overwrite == "none" else "not those that the bot") in trouble.what
    assert trouble.fix.startswith("Restart the bot")
    await start(house)
    assert {(each["type"], each["name"], each["description"]) for each in await house.wire.commands()} == ours
    assert await house.troubles() == []


async def test_nothing_is_registered_twice_without_need(house: House) -> None:
    """Discord takes 200 new commands a day."""
    for _ in range(3):
        await start(house)
    assert await uploads(house) == 1


async def test_while_discord_does_not_say_what_it_has_nothing_is_sent_and_the_start_goes_on(house: House) -> None:
    await start(house)
    before = await uploads(house)
    await house.wire.fault("503", "GET", COMMANDS, times=ANY)
    await start(house)
    assert await uploads(house) == before


async def test_a_running_bot_compares_them_as_a_start_does(house: House) -> None:
    async with open_bot(house.settings, clock=house.clock, background=False) as bot:
        await bot.login("a.test.token")
        assert not await bot.sync_commands()
        await bot.http.request(
            Route("PUT", "/applications/{application_id}/commands", application_id=bot.application_id or 0), json=[]
        )
        assert await bot.sync_commands()
        assert await house.wire.commands()
        assert not await bot.sync_commands()


async def test_before_the_first_start_doctor_only_notes_it(house: House) -> None:
    assert await house.troubles() == []
    async with open_store(house.settings.database_url) as store:
        assert await store.meta.get("commands_at_discord") is None
