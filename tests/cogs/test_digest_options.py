"""The other commands of a digest, as a channel's manager uses them."""

from __future__ import annotations

from pathlib import Path

from tests.support.stage import open_stage


async def test_every_command_of_a_digest_answers(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        made = await stage.subscribe_channel(when="daily", at="9:00", timezone="Europe/Berlin", without="gossip")
        assert "first digest" in made.response.content
        await stage.load_cards("one")
        card = (await stage.bot.store.cards.list_latest(0, limit=1)).cards[0]
        parameters = {"subscription": "1"}
        for command, options, answer in (
            ("preview", parameters, "Daily digest"),
            ("why", parameters | {"card": f"card:{card.id}"}, "next digest"),
            ("edit", parameters | {"layout": "list", "max_cards": 3}, "changed"),
            ("edit", parameters | {"layout": "list"}, "Nothing would change"),
            ("edit", parameters | {"timezone": "Mars/Base"}, "no time zone"),
            ("quiet", {"channel": stage.news, "starts": "22:00", "ends": "7:00"}, "quiet from 22:00 to 07:00"),
            ("quiet", {"channel": stage.news}, "no quiet hours any more"),
            ("now", parameters, "on its way"),
            ("pause", parameters, "until `/digest resume`"),
            ("resume", parameters, "goes on"),
        ):
            names = {"starts": "from", "ends": "to"}
            given = {names.get(name, name): value for name, value in options.items()}
            result = await stage.admin.slash(stage.news, f"digest {command}", **given)
            assert answer in result.response.content, (command, result.response.content)
        await stage.admin.slash(stage.news, "digest subscribe", channel=stage.digest)
        instant = await stage.admin.slash(stage.news, "digest preview", subscription="2")
        assert instant.response.content == (
            "Each card comes like this one.\n-# 1 card of the last 7 days would have come."
        )
        assert [embed.title for embed in instant.response.embeds] == ["Title of one"]
        whatif = await stage.admin.slash(stage.news, "digest whatif", when="daily")
        assert whatif.response.content or whatif.response.embeds
