"""Commands for server managers: which feeds this server follows, and what becomes of their cards."""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.permissions import guild_id_of, require_server_manager
from bot.domain.followed_feed import FollowedFeed
from bot.domain.follows import FollowPolicy
from bot.errors import UserError
from bot.i18n import tr
from bot.render.feeds import POLICIES, render_feed, render_feed_list
from bot.render.markdown import fit_escaped
from bot.ui import autocomplete
from bot.ui.feeds import (
    MAX_LIST,
    FeedDraft,
    build_check_reply,
    build_export_reply,
    build_follow,
    build_import_reply,
    complete_feeds,
    parse_topics,
    resolve_feed,
)

Address = app_commands.Range[str, 1, 2048]
Words = app_commands.Range[str, 1, 200]
Quality = app_commands.Range[int, 0, 100]
_POLICIES = [app_commands.Choice(name=text, value=policy.value) for policy, text in POLICIES.items()]
_POSTS = [
    app_commands.Choice(name="keep: they stay as they are", value="keep"),
    app_commands.Choice(name="delete: they are taken away", value="delete"),
]
_POLICY = "What becomes of its cards; review when left out"
_TOPICS = "Topics of all its cards, besides their own, separated by commas"
_QUALITY = "The quality of its cards, 0 to 100; 50 when left out"
_FEED = "Choose it from the list"
_NONE = "none"


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class FeedCommands(commands.GroupCog, name="feed", description="News from feeds (RSS, Atom, JSON Feed)"):
    """/feed add, list, edit, pause, resume, remove, check, import, export."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    async def interaction_check(self, interaction: Interaction, /) -> bool:  # type: ignore[override]  # our client's
        """Check the permission even if the server opened the command to other roles in its settings."""
        require_server_manager(interaction)
        return True

    @app_commands.command(description="Follow a feed, after a preview; a page that names one will do")
    @app_commands.describe(
        url="Address of the feed or the site",
        topics=_TOPICS,
        policy=_POLICY,
        quality=_QUALITY,
        newest="How many of the cards that it holds now are published at once, 0 to 5; none when left out",
    )
    @app_commands.choices(policy=_POLICIES)
    @app_commands.autocomplete(topics=autocomplete.complete_topic_list)
    async def add(
        self,
        interaction: Interaction,
        url: Address,
        topics: Words | None = None,
        policy: str | None = None,
        quality: Quality | None = None,
        newest: app_commands.Range[int, 0, 5] = 0,
    ) -> None:
        follow = build_follow(interaction, FollowPolicy(policy) if policy else None, topics, quality)
        draft = FeedDraft(await self.bot.server_feeds.look_up(url), follow, newest)
        await answer_interaction(interaction, **draft.build_reply(interaction))

    @app_commands.command(name="list", description="The feeds that this server follows, and how they do")
    async def list_(self, interaction: Interaction) -> None:
        found = await self._list_feeds(interaction)
        await answer_interaction(interaction, embed=render_feed_list(found, self.bot.server_feeds.most))

    @app_commands.command(description="Change what becomes of a feed's cards, from now on")
    @app_commands.describe(
        feed=_FEED, topics=f"{_TOPICS}; `{_NONE}` empties them", policy="What becomes of new cards", quality="0 to 100"
    )
    @app_commands.choices(policy=_POLICIES)
    @app_commands.autocomplete(feed=complete_feeds, topics=autocomplete.complete_topic_list)
    async def edit(
        self,
        interaction: Interaction,
        feed: Words,
        topics: Words | None = None,
        policy: str | None = None,
        quality: Quality | None = None,
    ) -> None:
        followed = await resolve_feed(interaction, feed)
        follow = followed.follow
        if topics is not None:
            follow = replace(follow, topics=() if topics.strip() == _NONE else parse_topics(topics))
        if policy is not None:
            follow = replace(follow, policy=FollowPolicy(policy))
        if quality is not None:
            follow = replace(follow, quality=quality)
        if follow == followed.follow:
            raise UserError(tr("Nothing would change. Give at least one option a new value."))
        await self.bot.server_feeds.change_follow(follow)
        text = tr("The feed is changed. Cards that are here already stay as they are.")
        await answer_interaction(interaction, text, embed=render_feed(replace(followed, follow=follow)))

    @app_commands.command(description="Let a feed rest; what comes meanwhile can be found and is not posted")
    @app_commands.describe(feed=_FEED)
    @app_commands.autocomplete(feed=complete_feeds)
    async def pause(self, interaction: Interaction, feed: Words) -> None:
        followed = await resolve_feed(interaction, feed)
        if followed.follow.paused:
            raise UserError(tr("This feed rests already. `/feed resume` wakes it."))
        await self.bot.server_feeds.change_follow(replace(followed.follow, paused=True))
        await answer_interaction(interaction, tr("**{name}** rests until `/feed resume`.", name=_format_name(followed)))

    @app_commands.command(description="Wake a feed that was paused; what it missed is not posted")
    @app_commands.describe(feed=_FEED)
    @app_commands.autocomplete(feed=complete_feeds)
    async def resume(self, interaction: Interaction, feed: Words) -> None:
        followed = await resolve_feed(interaction, feed)
        if not followed.follow.paused:
            raise UserError(tr("This feed is not paused."))
        await self.bot.server_feeds.change_follow(replace(followed.follow, paused=False))
        await answer_interaction(interaction, tr("**{name}** goes on.", name=_format_name(followed)))

    @app_commands.command(description="Follow a feed no more; its cards leave this server")
    @app_commands.describe(feed=_FEED, posts="What becomes of its posts; they stay when left out")
    @app_commands.choices(posts=_POSTS)
    @app_commands.autocomplete(feed=complete_feeds)
    async def remove(self, interaction: Interaction, feed: Words, posts: str = "keep") -> None:
        followed = await resolve_feed(interaction, feed)
        await self.bot.server_feeds.unfollow_feed(followed, keep_posts=posts != "delete")
        stays = tr("Its posts stay as they are.") if posts != "delete" else tr("Its posts are being deleted.")
        text = tr("This server does not follow **{name}** any more.", name=_format_name(followed))
        await answer_interaction(interaction, f"{text} {stays}")

    @app_commands.command(description="Look at a feed now, and explain what it answers")
    @app_commands.describe(feed=_FEED)
    @app_commands.autocomplete(feed=complete_feeds)
    async def check(self, interaction: Interaction, feed: Words) -> None:
        followed = await resolve_feed(interaction, feed)
        await answer_interaction(
            interaction, await build_check_reply(interaction, followed), embed=render_feed(followed)
        )

    @app_commands.command(name="import", description="Follow the feeds of a list (OPML), after a preview")
    @app_commands.describe(
        file="A list of feeds as your feed reader exports it", topics=_TOPICS, policy=_POLICY, quality=_QUALITY
    )
    @app_commands.choices(policy=_POLICIES)
    @app_commands.autocomplete(topics=autocomplete.complete_topic_list)
    async def import_(
        self,
        interaction: Interaction,
        file: discord.Attachment,
        topics: Words | None = None,
        policy: str | None = None,
        quality: Quality | None = None,
    ) -> None:
        if file.size > MAX_LIST:
            raise UserError(tr("This file is larger than 1 MB. Split the list."))
        follow = build_follow(interaction, FollowPolicy(policy) if policy else None, topics, quality)
        content = await self.bot.server_feeds.read_list(await file.read(), file.filename)
        await answer_interaction(interaction, **await build_import_reply(interaction, content, follow))

    @app_commands.command(description="The feeds of this server as a list (OPML) for any feed reader")
    async def export(self, interaction: Interaction) -> None:
        found = await self._list_feeds(interaction)
        title = interaction.guild.name if interaction.guild else "Newsdesk"
        await answer_interaction(interaction, **build_export_reply(found, title))

    async def _list_feeds(self, interaction: Interaction) -> list[FollowedFeed]:
        found = await self.bot.server_feeds.list_feeds(guild_id_of(interaction))
        if not found:
            raise UserError(tr("This server follows no feed yet. `/feed add` follows one, after a preview."))
        return found


def _format_name(followed: FollowedFeed) -> str:
    return fit_escaped(followed.name, 120)
