"""Rate limits and faults on command, and what a real client makes of them."""

import asyncio
import time

import aiohttp
import discord
import pytest

from tests.wire.client import ANY, WireDiscord
from tests.wire.sample_bot import text_channel

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


async def test_the_library_waits_for_a_bucket_and_gets_no_429(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(buckets={"create": [3, 0.3]})
    channel = await text_channel(wire, client)
    started = time.monotonic()
    for number in range(7):
        await channel.send(str(number))
    assert time.monotonic() - started >= 0.55
    assert [each.content for each in await wire.list_messages(channel.id)] == list("0123456")
    assert "429" not in (await wire.get_totals()).by_status


async def test_a_full_bucket_answers_429(wire: WireDiscord) -> None:
    await wire.configure_settings(buckets={"create": [1, 5.0]})
    channel_id = (await wire.add_guild()).channels[0].id
    url = f"{wire.address.api}/channels/{channel_id}/messages"
    async with aiohttp.ClientSession(headers={"Authorization": "Bot token"}) as http:
        for _ in range(2):
            async with http.post(url, json={"content": "x"}) as answer:
                body, headers = await answer.json(), answer.headers
    assert answer.status == 429
    assert body.keys() == {"message", "retry_after", "global", "code"}
    assert 4 < body["retry_after"] <= 5
    assert headers["Content-Type"] == "application/json"
    assert (headers["Via"], headers["X-RateLimit-Scope"], headers["Retry-After"]) == (
        "1.1 google",
        "user",
        "5",
    )
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("1", "0")
    assert headers["X-RateLimit-Bucket"]


async def test_the_global_limit_is_over_all_channels(wire: WireDiscord) -> None:
    await wire.configure_settings(global_limit=5)
    guild = await wire.add_guild(*["text"] * 8)
    async with aiohttp.ClientSession(headers={"Authorization": "Bot token"}) as http:

        async def post(channel_id: int) -> tuple[int, bool]:
            url = f"{wire.address.api}/channels/{channel_id}/messages"
            async with http.post(url, json={"content": "x"}) as answer:
                return answer.status, answer.headers.get("X-RateLimit-Global") == "true"

        answers = await asyncio.gather(*(post(each.id) for each in guild.channels))
    assert sorted(answers) == [(200, False)] * 5 + [(429, True)] * 3
    totals = await wire.get_totals()
    assert (totals.by_status, totals.busiest_second) == ({"200": 5, "429": 3}, 8)


async def test_the_library_waits_out_a_429(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    await wire.add_fault("rate_limited", "POST", "/messages$", retry_after=0.2, scope="shared")
    await channel.send("a")
    assert (await wire.get_totals()).by_route["POST /channels/*/messages"] == {"429": 1, "200": 1}


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("503", discord.DiscordServerError, 0),
        ("no_access", discord.Forbidden, 50001),
        ("no_permission", discord.Forbidden, 50013),
        ("no_channel", discord.NotFound, 10003),
        ("no_message", discord.NotFound, 10008),
        ("bad_image", discord.HTTPException, 50035),
        ("400", discord.HTTPException, 0),
        ("401", discord.HTTPException, 0),
        ("cloudflare", discord.HTTPException, 0),
        ("reset", aiohttp.ClientError, None),
    ],
)
async def test_faults_before_the_request_leave_no_message(
    wire: WireDiscord, client: discord.Client, fault: str, error: type[Exception], code: int | None
) -> None:
    channel = await text_channel(wire, client)
    await wire.add_fault(fault, "POST", "/messages$")
    with pytest.raises(error) as caught:
        await channel.send("a")
    assert getattr(caught.value, "code", None) == code
    assert await wire.list_messages(channel.id) == []
    await channel.send("b")
    assert len(await wire.list_messages(channel.id)) == 1


async def test_a_lost_answer_leaves_the_message(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    await wire.add_fault("lost", "POST", "/messages$", skip=1)
    await channel.send("first")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("a", nonce="n")
    assert len(await wire.list_messages(channel.id)) == 2
    again = await channel.send("a", nonce="n")
    assert again.id == (await wire.list_messages(channel.id))[1].id
    assert (await wire.list_requests(status=0))[0].fault == "lost"


async def test_an_error_may_come_after_the_deed(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    await wire.add_fault("504", "POST", "/messages$", after=True)
    sent = await channel.send("a", nonce="n")
    assert [each.id for each in await wire.list_messages(channel.id)] == [sent.id]
    assert (await wire.get_totals()).prevented == 1


async def test_a_stall_comes_before_or_after_storing(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    await wire.add_fault("stall", "POST", "/messages$", seconds=0.3, after=True)
    task = asyncio.create_task(channel.send("a"))
    assert await wire.wait_for_messages(channel.id, 1, 0.25)
    assert not task.done()
    await task


async def test_faults_can_go_on_until_cleared(wire: WireDiscord, client: discord.Client) -> None:
    channel = await text_channel(wire, client)
    rule = await wire.add_fault("no_access", "POST", times=ANY)
    for _ in range(3):
        with pytest.raises(discord.Forbidden):
            await channel.send("a")
    assert (await wire.list_faults())[0]["hits"] == 3
    await wire.clear_faults(rule)
    await channel.send("a")


async def test_too_many_refusals_end_at_cloudflare(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(invalid_limit=2)
    channel = await text_channel(wire, client)
    await wire.change_channel(channel.id, access="no_send")
    for _ in range(2):
        with pytest.raises(discord.Forbidden):
            await channel.send("a")
    with pytest.raises(discord.HTTPException) as caught:
        await channel.send("a")
    assert caught.value.status == 429
