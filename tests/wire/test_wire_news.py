"""Announcement channels with a real client: crossposts, their budget, and edits of what was crossposted."""

import time

import aiohttp
import discord
import pytest

from tests.wire.client import WireDiscord
from tests.wire.permissions import BOT, Permission

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


async def _announcement_channel(wire: WireDiscord, client: discord.Client) -> discord.TextChannel:
    guild = await wire.add_guild("announcement")
    channel = await client.fetch_channel(guild.channels[0].id)
    assert isinstance(channel, discord.TextChannel)
    assert channel.is_news()
    return channel


async def test_a_crosspost_is_marked_and_told(wire: WireDiscord, client: discord.Client) -> None:
    news = await _announcement_channel(wire, client)
    first, second = [await news.send(text) for text in "ab"]
    await second.publish()
    answer = await client.http.publish_message(news.id, first.id)
    assert answer["flags"] == 1
    assert (await first.fetch()).flags.crossposted
    kept = await wire.list_messages(news.id)
    assert [each.crossposted for each in kept] == [True, True]
    assert [each.crosspost_edits for each in kept] == [0, 0]
    assert kept[0].crossposted_at is not None
    assert kept[1].crossposted_at is not None
    assert kept[1].at < kept[1].crossposted_at < kept[0].crossposted_at < time.monotonic()


async def test_a_message_is_crossposted_once(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(buckets={"crosspost": [2, 3600]})
    news = await _announcement_channel(wire, client)
    sent = await news.send("a")
    await sent.publish()
    for _ in range(3):
        with pytest.raises(discord.HTTPException) as again:
            await sent.publish()
        assert (again.value.status, again.value.code) == (400, 40033)
    # What was refused took nothing of the budget.
    await (await news.send("b")).publish()


async def test_only_messages_of_a_news_channel_can_be_crossposted(wire: WireDiscord, client: discord.Client) -> None:
    made = await wire.add_guild("text", "announcement")
    text, news = [client.get_partial_messageable(each.id) for each in made.channels]
    thread = client.get_partial_messageable((await wire.open_thread(news.id, "t")).id)
    for channel in (text, thread):
        with pytest.raises(discord.HTTPException) as caught:
            await (await channel.send("a")).publish()
        assert (caught.value.status, caught.value.code) == (400, 50024)
    with pytest.raises(discord.NotFound) as missing:
        await news.get_partial_message(5).publish()
    assert missing.value.code == 10008


async def test_a_crosspost_has_its_permissions(wire: WireDiscord, client: discord.Client) -> None:
    news = await _announcement_channel(wire, client)
    own = await news.send("a")
    theirs = news.get_partial_message((await wire.post_message(news.id, "b")).id)
    with pytest.raises(discord.Forbidden) as caught:
        await theirs.publish()
    assert caught.value.code == 50013
    await wire.change_guild(news.guild.id, bot_permissions=int(BOT | Permission.MANAGE_MESSAGES))
    await theirs.publish()
    await wire.change_channel(news.id, access="no_send")
    with pytest.raises(discord.Forbidden):
        await own.publish()


async def test_crossposts_are_ten_an_hour_in_a_channel(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(buckets={"create": [50, 1]})
    news, other = await _announcement_channel(wire, client), await _announcement_channel(wire, client)
    for number in range(10):
        await (await news.send(str(number))).publish()
    late = await news.send("late")
    with pytest.raises(discord.RateLimited) as spent:
        await late.publish()
    assert 3500 < spent.value.retry_after <= 3600
    assert (await wire.list_requests(status=429))[0].path.endswith("/crosspost")
    await (await other.send("elsewhere")).publish()
    await wire.refill_limits()
    await late.publish()
    assert all(each.crossposted for each in await wire.list_messages(news.id))


async def test_the_budget_rolls_on(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(buckets={"crosspost": [1, 0.4]})
    news = await _announcement_channel(wire, client)
    started = time.monotonic()
    for text in "abc":
        await (await news.send(text)).publish()
    assert time.monotonic() - started >= 0.75
    assert (await wire.get_totals()).by_status["429"] >= 2


async def test_the_answer_beyond_the_budget(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(buckets={"crosspost": [1, 3600]}, invalid_limit=2)
    news = await _announcement_channel(wire, client)
    sent = [await news.send(text) for text in "ab"]
    await sent[0].publish()
    url = f"{wire.address.api}/channels/{news.id}/messages/{sent[1].id}/crosspost"
    async with aiohttp.ClientSession(headers={"Authorization": "Bot token"}) as http:
        for _ in range(3):
            async with http.post(url) as answer:
                body, headers = await answer.json(), answer.headers
    assert (answer.status, body["code"], body["global"]) == (429, 20028, False)
    assert 3500 < body["retry_after"] <= 3600
    # The wait stands in the body alone; the headers are those of the ordinary bucket, which has room.
    assert headers["X-RateLimit-Scope"] == "shared"
    assert int(headers["X-RateLimit-Remaining"]) > 0
    assert float(headers["X-RateLimit-Reset-After"]) <= 1


async def test_the_budget_may_stand_in_the_headers(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(crosspost_in_headers=True)
    news = await _announcement_channel(wire, client)
    sent = [await news.send(text) for text in "ab"]
    await sent[0].publish()
    # discord.py sees a bucket whose end is further off than it may wait, and does not ask although there is room.
    with pytest.raises(discord.RateLimited) as caught:
        await sent[1].publish()
    assert 3500 < caught.value.retry_after <= 3600
    assert len(await wire.list_requests(path="/crosspost$")) == 1
    url = f"{wire.address.api}/channels/{news.id}/messages/{sent[1].id}/crosspost"
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bot token"}) as http,
        http.post(url) as answer,
    ):
        headers = answer.headers
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("10", "8")
    assert 3500 < float(headers["X-RateLimit-Reset-After"]) <= 3600


async def test_edits_of_a_crosspost_are_counted_and_few(wire: WireDiscord, client: discord.Client) -> None:
    await wire.configure_settings(buckets={"edit": [100, 1]})
    news = await _announcement_channel(wire, client)
    sent, other = await news.send("a"), await news.send("b")
    await sent.edit(content="before")
    await sent.publish()
    for number in range(3):
        await sent.edit(content=str(number))
    with pytest.raises(discord.RateLimited) as spent:
        await sent.edit(content="late")
    assert 3500 < spent.value.retry_after <= 3600
    await other.edit(content="not crossposted")
    kept = await wire.list_messages(news.id)
    assert [(each.content, each.crosspost_edits) for each in kept] == [("2", 3), ("not crossposted", 0)]
    await wire.configure_settings(buckets={"crosspost_edit": [100, 1]})
    await sent.edit(content="in time")
    assert (await wire.list_messages(news.id))[0].crosspost_edits == 4


async def test_a_lost_answer_leaves_the_crosspost(wire: WireDiscord, client: discord.Client) -> None:
    news = await _announcement_channel(wire, client)
    sent = await news.send("a")
    await wire.add_fault("reset", "POST", "/crosspost")
    await wire.add_fault("lost", "POST", "/crosspost")
    for crossposted in (False, True):
        with pytest.raises(aiohttp.ClientError):
            await sent.publish()
        assert (await wire.list_messages(news.id))[0].crossposted is crossposted
    with pytest.raises(discord.HTTPException) as again:
        await sent.publish()
    assert again.value.code == 40033


async def test_refusals_on_command(wire: WireDiscord, client: discord.Client) -> None:
    news = await _announcement_channel(wire, client)
    sent = await news.send("a")
    await wire.add_fault("crossposted", "POST", "/crosspost$")
    with pytest.raises(discord.HTTPException) as caught:
        await sent.publish()
    assert caught.value.code == 40033
    await wire.add_fault("rate_limited", "POST", "/crosspost$", retry_after=1800.0, scope="shared")
    with pytest.raises(discord.RateLimited):
        await sent.publish()
    await sent.publish()
