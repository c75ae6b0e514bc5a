"""Commands that another program with the same token overwrote: doctor says so, and the next start brings them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from discord.http import Route

from bot.app import open_bot
from bot.doctor import Severity
from bot.store import open_store
from tests.doctor.conftest import Installation
from tests.wire.client import ANY
from tests.wire.errors import Json

COMMANDS = "/commands$"
Overwrite = Callable[["OtherProgram"], Awaitable[None]]


class OtherProgram:
    """Another program that has the token."""

    def __init__(self, house: Installation, session: aiohttp.ClientSession, application: int) -> None:
        self._house = house
        self._session = session
        self._base = f"{house.wire.address.api}/applications/{application}/commands"

    async def call_api(self, method: str, path: str = "", body: object = None) -> None:
        headers = {"Authorization": "Bot a.test.token"}
        async with self._session.request(method, self._base + path, json=body, headers=headers) as response:
            assert response.status < 300, await response.text()

    async def other_commands(self) -> list[Json]:
        return await self._house.wire.list_commands()

    async def put_none(self) -> None:
        await self.call_api("PUT", body=[])

    async def put_others(self) -> None:
        await self.call_api("PUT", body=[{"name": "play", "description": "Music", "type": 1}])

    async def remove_one(self) -> None:
        (first, *_) = await self.other_commands()
        await self.call_api("DELETE", f"/{first['id']}")

    async def change_one(self) -> None:
        changed = next(each for each in await self.other_commands() if each["type"] == 1)
        await self.call_api("POST", body={"name": changed["name"], "description": "Something else", "type": 1})

    async def add_one(self) -> None:
        await self.call_api("POST", body={"name": "play", "description": "Music", "type": 1})


OVERWRITES: dict[str, Overwrite] = {
    "none": OtherProgram.put_none,
    "others": OtherProgram.put_others,
    "one removed": OtherProgram.remove_one,
    "one changed": OtherProgram.change_one,
    "one more": OtherProgram.add_one,
}


async def log_in(house: Installation) -> int:
    """Log in as a start does. Gives the application's id."""
    async with open_bot(house.settings, clock=house.clock, background=False) as bot:
        await bot.login("a.test.token")
        return bot.application_id or 0


async def count_uploads(house: Installation) -> int:
    return len(await house.wire.list_requests(method="PUT", path=COMMANDS))


@pytest.mark.parametrize("overwrite", OVERWRITES)
async def test_commands_that_somebody_overwrote_are_told_and_registered_again(
    installation: Installation, overwrite: str
) -> None:
    application = await log_in(installation)
    ours = {(each["type"], each["name"], each["description"]) for each in await installation.wire.list_commands()}
    assert await installation.find_problems() == []
    async with aiohttp.ClientSession() as session:
        await OVERWRITES[overwrite](OtherProgram(installation, session, application))
    (trouble,) = await installation.find_problems()
    assert trouble.severity is Severity.ERROR
    assert ("none of the bot's commands" if overwrite == "none" else "not those that the bot") in trouble.what
    assert trouble.fix.startswith("Restart the bot")
    await log_in(installation)
    assert {
        (each["type"], each["name"], each["description"]) for each in await installation.wire.list_commands()
    } == ours
    assert await installation.find_problems() == []


async def test_nothing_is_registered_twice_without_need(installation: Installation) -> None:
    """Discord takes 200 new commands a day."""
    for _ in range(3):
        await log_in(installation)
    assert await count_uploads(installation) == 1


async def test_while_discord_does_not_say_what_it_has_nothing_is_sent_and_the_start_goes_on(
    installation: Installation,
) -> None:
    await log_in(installation)
    before = await count_uploads(installation)
    await installation.wire.add_fault("503", "GET", COMMANDS, times=ANY)
    await log_in(installation)
    assert await count_uploads(installation) == before


async def test_a_running_bot_compares_them_as_a_start_does(installation: Installation) -> None:
    async with open_bot(installation.settings, clock=installation.clock, background=False) as bot:
        await bot.login("a.test.token")
        assert not await bot.sync_commands()
        await bot.http.request(
            Route("PUT", "/applications/{application_id}/commands", application_id=bot.application_id or 0), json=[]
        )
        assert await bot.sync_commands()
        assert await installation.wire.list_commands()
        assert not await bot.sync_commands()


async def test_before_the_first_start_doctor_only_notes_it(installation: Installation) -> None:
    assert await installation.find_problems() == []
    async with open_store(installation.settings.database_url) as store:
        assert await store.key_values.get_value("commands_at_discord") is None
