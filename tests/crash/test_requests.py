"""What needs the folder of cards is done by the process that has it, whichever process receives the request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.process import BotProcess
from tests.support.polling import poll_until
from tests.support.stores import query_database
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import EVERYTHING
from tests.wire.results import WireMessage

CARDS, OWNER = 30, Person("owner", permissions=int(EVERYTHING))
QUICK = {"tick_seconds": "3600", "rescan_seconds": "1", "write_back": "true"}
"""The folder is looked at every second, so that a lost one is noticed."""


@dataclass
class TwoProcesses:
    """One process loads and delivers; another answers, with an image's sample cards and other settings of its own."""

    wire: WireDiscord
    url: str
    courier: BotProcess
    gateway: BotProcess
    channel: int

    async def warning_message(self) -> WireMessage:
        """The message to the owner that a load was stopped; the folder is emptied for that."""
        for path in self.courier.cards.iterdir():
            path.unlink()
        dm = await self.wire.get_dm("owner")
        return (await self.wire.wait_for_messages(dm.id, 1))[0]

    def stored_slugs(self) -> set[str]:
        return {slug for (slug,) in query_database(self.url, "SELECT slug FROM cards")}


@asynccontextmanager
async def open_cluster(url: str, folder: Path, **gateways: str) -> AsyncIterator[TwoProcesses]:
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text")
        (channel,) = (each.id for each in guild.channels)
        with ExitStack() as stack:
            bots = [
                stack.enter_context(BotProcess(folder / only, wire.address.api, url, only, **settings))
                for only, settings in (("courier", QUICK), ("gateway", gateways))
            ]
            courier, gateway = bots
            await courier.prepare_store([], guild.id, CARDS)
            samples = folder / "samples"
            samples.mkdir()
            (samples / "sample-of-the-image.md").write_text((courier.cards / "0.md").read_text("utf-8"), "utf-8")
            gateway.cards = samples
            courier.start()
            gateway.start()
            await wire.wait_for_sessions()
            cluster = TwoProcesses(wire, url, courier, gateway, channel)
            await poll_until(lambda: len(cluster.stored_slugs()), lambda found: found == CARDS, 60)
            yield cluster
            assert (gateway.terminate(), courier.terminate()) == (0, 0), gateway.log + courier.log


async def test_withdrawals_are_accepted_by_the_process_that_lost_the_cards(url: str, tmp_path: Path) -> None:
    async with open_cluster(url, tmp_path) as cluster:
        warning = await cluster.warning_message()
        status = await cluster.wire.run_slash(cluster.channel, "status", person=OWNER)
        assert status.reply
        fields = {field["name"]: field["value"] for field in status.reply.embeds[0]["fields"]}
        assert f"{CARDS} published cards are missing from the folder" in fields["Withdrawals held back"]
        assert "0 withdrawn" in fields["Last load"]
        done = await cluster.wire.click_component(warning, label="Withdraw them", person=OWNER)
        assert done.text == f"{CARDS} cards are withdrawn."
        assert "sample-of-the-image" not in cluster.stored_slugs()
        ((state, result),) = query_database(url, "SELECT state, CAST(result AS text) FROM worker_requests")
        assert (state, "30" in result) == ("done", True)
        tokens = query_database(url, "SELECT count(*) FROM worker_requests WHERE CAST(payload AS text) LIKE '%token%'")
        assert tokens == [(0,)]


async def test_a_request_waits_for_a_process_that_is_away_and_is_done_by_the_next(url: str, tmp_path: Path) -> None:
    async with open_cluster(url, tmp_path) as cluster:
        warning = await cluster.warning_message()
        cluster.courier.kill()
        requests = await cluster.wire.click_component(
            warning, label="Withdraw them", person=OWNER, until="ack", within=60
        )
        await poll_until(
            lambda: len(query_database(url, "SELECT id FROM worker_requests")), lambda found: found == 1, 60
        )
        assert not await _count_withdrawn(url)
        cluster.courier.start()
        done = await cluster.wire.get_outcome(requests.id, "reply", 60)
        await poll_until(lambda: _count_withdrawn(url), lambda found: found == CARDS, 60)
        assert done.text


async def _count_withdrawn(url: str) -> int:
    ((found,),) = query_database(url, "SELECT count(*) FROM cards WHERE file_missing")
    return int(found)


@pytest.mark.parametrize("gateways", [{}, {"write_back": "true"}])
async def test_an_owners_decision_is_written_into_the_file_by_the_process_that_has_it(
    url: str, tmp_path: Path, gateways: dict[str, str]
) -> None:
    """Whether it is, is that process's setting: the other one has no such files."""
    async with open_cluster(url, tmp_path, **gateways) as cluster:
        everywhere = {"card": "card:1", "reason": "a test", "scope": "everywhere"}
        done = await cluster.wire.run_slash(cluster.channel, "desk withdraw", everywhere, OWNER)
        assert "wasn't changed" not in done.text
        assert "hasn't been changed yet" not in done.text
        texts = [path.read_text("utf-8") for path in cluster.courier.cards.iterdir()]
        assert sum("published: false" in text for text in texts) == 1
        assert "published: true" in (tmp_path / "samples" / "sample-of-the-image.md").read_text("utf-8")
