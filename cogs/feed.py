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
    resolve_feed,
)
from bot.ui.moderation import parse_topics

Address = app_commands.Range[str, 1, 2048]
Words = app_commands.Range[str, 1, 200]
Quality = app_commands.Range[int, 0, 100]
_POLICIES = [app_commands.Choice(name=text, value=policy.value) for policy, text in POLICIES.items()]
_POSTS = [
    app_commands.Choice(name="keep them", value="keep"),
    app_commands.Choice(name="delete them", value="delete"),
]
_POLICY = "What happens to its cards (default: review)"
_TOPICS = "Topics to add to all its cards, separated by commas"
_QUALITY = "The quality of its cards, 0 to 100; 50 when left out"
_FEED = "Choose one from the list"
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

    @app_commands.command(description="Follow a feed, after a preview; a site's address works too")
    @app_commands.describe(
        url="Address of the feed or the site",
        topics=_TOPICS,
        policy=_POLICY,
        quality=_QUALITY,
        newest="How many of its current cards to publish now, 0 to 5 (default: 0)",
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

    @app_commands.command(name="list", description="List this server's feeds and their state")
    async def list_(self, interaction: Interaction) -> None:
        found = await self._list_feeds(interaction)
        await answer_interaction(interaction, embed=render_feed_list(found, self.bot.server_feeds.most))

    @app_commands.command(description="Change what happens to a feed's new cards")
    @app_commands.describe(
        feed=_FEED, topics=f"{_TOPICS}; `{_NONE}` to clear", policy="What happens to new cards", quality="0 to 100"
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
            raise UserError(tr("Nothing to change. Give at least one option a new value."))
        await self.bot.server_feeds.change_follow(follow)
        text = tr("Feed updated. Cards that are already here stay as they are.")
        await answer_interaction(interaction, text, embed=render_feed(replace(followed, follow=follow)))

    @app_commands.command(description="Pause a feed; new cards can be searched but aren't posted")
    @app_commands.describe(feed=_FEED)
    @app_commands.autocomplete(feed=complete_feeds)
    async def pause(self, interaction: Interaction, feed: Words) -> None:
        followed = await resolve_feed(interaction, feed)
        if followed.follow.paused:
            raise UserError(tr("Already paused. Resume with `/feed resume`."))
        await self.bot.server_feeds.change_follow(replace(followed.follow, paused=True))
        await answer_interaction(
            interaction, tr("Paused **{name}**. Resume with `/feed resume`.", name=_format_name(followed))
        )

    @app_commands.command(description="Resume a paused feed; what it missed isn't posted")
    @app_commands.describe(feed=_FEED)
    @app_commands.autocomplete(feed=complete_feeds)
    async def resume(self, interaction: Interaction, feed: Words) -> None:
        followed = await resolve_feed(interaction, feed)
        if not followed.follow.paused:
            raise UserError(tr("This feed isn't paused."))
        await self.bot.server_feeds.change_follow(replace(followed.follow, paused=False))
        await answer_interaction(interaction, tr("Resumed **{name}**.", name=_format_name(followed)))

    @app_commands.command(description="Stop following a feed; its cards leave this server")
    @app_commands.describe(feed=_FEED, posts="What happens to its posts (default: keep)")
    @app_commands.choices(posts=_POSTS)
    @app_commands.autocomplete(feed=complete_feeds)
    async def remove(self, interaction: Interaction, feed: Words, posts: str = "keep") -> None:
        followed = await resolve_feed(interaction, feed)
        await self.bot.server_feeds.unfollow_feed(followed, keep_posts=posts != "delete")
        stays = tr("Its posts stay as they are.") if posts != "delete" else tr("Its posts are being deleted.")
        text = tr("Stopped following **{name}**.", name=_format_name(followed))
        await answer_interaction(interaction, f"{text} {stays}")

    @app_commands.command(description="Check a feed now and explain the result")
    @app_commands.describe(feed=_FEED)
    @app_commands.autocomplete(feed=complete_feeds)
    async def check(self, interaction: Interaction, feed: Words) -> None:
        followed = await resolve_feed(interaction, feed)
        await answer_interaction(
            interaction, await build_check_reply(interaction, followed), embed=render_feed(followed)
        )

    @app_commands.command(name="import", description="Follow the feeds of an OPML file, after a preview")
    @app_commands.describe(file="An OPML file from your feed reader", topics=_TOPICS, policy=_POLICY, quality=_QUALITY)
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

    @app_commands.command(description="Download this server's feeds as OPML")
    async def export(self, interaction: Interaction) -> None:
        found = await self._list_feeds(interaction)
        title = interaction.guild.name if interaction.guild else "Newsdesk"
        await answer_interaction(interaction, **build_export_reply(found, title))

    async def _list_feeds(self, interaction: Interaction) -> list[FollowedFeed]:
        found = await self.bot.server_feeds.list_feeds(guild_id_of(interaction))
        if not found:
            raise UserError(tr("This server doesn't follow any feeds yet. Add one with `/feed add`."))
        return found


def _format_name(followed: FollowedFeed) -> str:
    return fit_escaped(followed.name, 120)
