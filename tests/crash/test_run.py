"""`newsdesk run` as its users meet it: over a real gateway and real HTTP, in a process of its own."""

from __future__ import annotations

from pathlib import Path

from tests.crash.process import BotProcess
from tests.support.polling import poll_until
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import MANAGER, MODERATOR


async def test_commands_buttons_and_completion_are_answered_across_a_reconnect(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text", "text")
        first, second = (channel.id for channel in guild.channels)
        manager = Person("manager", permissions=int(MANAGER))
        moderator = Person("moderator", permissions=int(MODERATOR))
        with BotProcess(tmp_path / "run", wire.address.api) as bot:
            await bot.prepare_store([first], guild.id, 3)
            bot.start()
            await wire.wait_for_sessions()
            posts = await wire.wait_for_messages(first, 3)
            assert [post.title for post in posts] == [f"Card {number} of the crash test" for number in range(3)]
            assert all(len(post.nonce or "") <= 25 for post in posts)

            latest = await wire.run_slash(first, "latest", {"count": 3})
            assert latest.reply is not None
            assert latest.reply.ephemeral
            assert len(latest.reply.embeds) == 3
            saved = await wire.click_component(posts[0], label="Save")
            assert "Saved" in saved.text
            assert [choice["name"] for choice in await wire.run_autocomplete(first, "latest", "topic", "te")] == [
                "Testing"
            ]

            await wire.command_gateway("drop")
            await wire.wait_for_sessions()
            listed = await wire.run_slash(first, "saved list")
            assert listed.reply is not None
            assert listed.reply.embeds[0]["title"] == "Card 0 of the crash test"
            subscribed = await wire.run_slash(second, "digest subscribe", {"channel": second}, manager)
            assert "gets new cards from now on" in subscribed.text
            withdrawn = await wire.run_slash(first, "desk withdraw", {"card": "card:1", "reason": "a test"}, moderator)
            assert "Its posts are being removed" in withdrawn.text
            await poll_until(lambda: wire.list_messages(first), lambda held: len(held) == 2)
            assert bot.terminate() == 0
        totals = await wire.get_totals()
        assert not totals.by_status.get("400"), "nothing that was sent was refused for its form"
