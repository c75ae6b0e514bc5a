"""Feeds of a server: their preview before they are followed, imports of lists, and the option to choose one."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands

from bot.cards.urls import redact_url
from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem, ErrorReportingView, safe_autocomplete
from bot.client.permissions import guild_id_of, require_server_manager
from bot.domain.feed import FeedOptions, NewFeed
from bot.domain.followed_feed import FollowedFeed
from bot.domain.follows import DEFAULT_QUALITY, Follow, FollowPolicy
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.errors import UserError
from bot.i18n import format_number, tr, trn
from bot.render.feeds import (
    PREVIEW_CARDS,
    FeedPreview,
    ImportPreview,
    describe_check,
    describe_lookup_problem,
    render_import_preview,
    render_preview,
)
from bot.render.limits import CHOICE_NAME, CHOICES
from bot.render.markdown import cut_text
from bot.sources.feeds.feed_lookup import FeedLookup
from bot.sources.feeds.opml import OpmlImport, write_opml
from bot.store.cards.rows import StoredCard
from bot.ui.autocomplete import Choices
from bot.ui.moderation import parse_topics
from bot.worker.server_feeds import FollowResult, estimate_rate, preview_cards, to_opml_feeds

_PREVIEW_ITEM = re.compile(r"nd:feed:[0-9a-f]{8}:(?P<item>choose|follow|import)")
_MINUTES = 14  # an ephemeral response can be edited for 15
MAX_LIST = 1_000_000
"""Bytes of a list to import."""
_FILE = "newsdesk-feeds.opml"
Reply = dict[str, Any]


def build_follow(
    interaction: Interaction, policy: FollowPolicy | None, topics: str | None, quality: int | None
) -> Follow:
    """Build what a server wants of feeds from the options of a command. Raises `UserError`."""
    return Follow(
        guild_id_of(interaction),
        0,
        policy or FollowPolicy.REVIEW,
        interaction.client.clock(),
        interaction.user.id,
        DEFAULT_QUALITY if quality is None else quality,
        parse_topics(topics or ""),
    )


class FeedDraft(ErrorReportingView):
    """A feed that a person looks at before the server follows it. It is kept in memory only."""

    def __init__(self, lookup: FeedLookup, follow: Follow, newest: int = 0) -> None:
        super().__init__(timeout=_MINUTES * 60)
        self.follow = follow
        self.newest = newest
        """How many of its cards are published at once."""
        self.choices = lookup.choices
        self.chosen = ""
        """The chosen one of several feeds."""
        self.lookup = lookup
        # Stable across redraws, so that a click during a redraw still finds its item.
        self.key = secrets.token_hex(4)

    def build_reply(self, interaction: Interaction) -> Reply:
        """Render the preview, or the choice. Raises `UserError` with the reason why there is no feed."""
        self.clear_items()
        if self.choices:
            self.add_item(_FeedSelect(self))
        check = self.lookup.check
        if check.feed is None:
            if self.choices and not self.chosen:
                return {"content": tr("This page names several feeds. Which one?"), "embeds": [], "view": self}
            raise UserError(describe_lookup_problem(check.problem, check.result.http_status))
        self.add_item(_FollowButton(self))
        now = interaction.client.clock()
        cards = preview_cards(self.lookup, check.feed, self.follow, now)
        preview = FeedPreview(
            check.feed.title,
            redact_url(self.lookup.url),
            [StoredCard(0, 0, "", card) for card in cards[:PREVIEW_CARDS]],
            len(cards),
            estimate_rate(check.feed, now),
            self.follow,
            check.feed.problems,
            self.newest,
        )
        content, embeds = render_preview(preview, interaction.client.settings.asset_base_url)
        return {"content": content, "embeds": embeds, "view": self}


class _FeedSelect(ErrorReportingItem, discord.ui.Select["FeedDraft"]):
    """Chooses one of the feeds that a page names."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: FeedDraft) -> None:
        options = [
            # By number: an address may be longer than a value.
            discord.SelectOption(
                label=cut_text(feed.title or redact_url(feed.url), CHOICE_NAME),
                description=cut_text(redact_url(feed.url), CHOICE_NAME),
                value=str(number),
                default=feed.url == draft.chosen,
            )
            for number, feed in enumerate(draft.choices[:CHOICES])
        ]
        custom_id = f"nd:feed:{draft.key}:choose"
        super().__init__(custom_id=custom_id, placeholder=tr("Choose a feed"), options=options, row=0)
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        chosen = self.draft.choices[int(self.values[0])].url
        lookup = await interaction.client.server_feeds.look_up(chosen)
        if lookup.check.feed is None:
            # The message stays as it was, and so does the draft.
            raise UserError(describe_lookup_problem(lookup.check.problem, lookup.check.result.http_status))
        self.draft.chosen, self.draft.lookup = chosen, lookup
        await answer_interaction(interaction, **self.draft.build_reply(interaction))


class _FollowButton(ErrorReportingItem, discord.ui.Button["FeedDraft"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: FeedDraft) -> None:
        super().__init__(
            custom_id=f"nd:feed:{draft.key}:follow",
            label=tr("Follow this feed"),
            style=discord.ButtonStyle.success,
            row=1,
        )
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        require_server_manager(interaction)
        feed = self.draft.lookup.check.feed
        new = NewFeed(self.draft.lookup.url, feed.title if feed else "")
        result = await interaction.client.server_feeds.follow_feeds([new], self.draft.follow)
        _require_followed(interaction, result)
        self.draft.stop()
        await answer_interaction(interaction, content=_followed_text(self.draft.follow), embeds=[], view=None)
        if self.draft.newest:
            text = await _publish_newest(interaction, new.url, self.draft.newest)
            await answer_interaction(interaction, content=f"{_followed_text(self.draft.follow)}\n{text}")


def _require_followed(interaction: Interaction, result: FollowResult) -> None:
    if result.shared:
        raise UserError(tr("Every server already gets this feed, so there's no need to follow it."))
    if result.known:
        raise UserError(tr("This server already follows that feed. See `/feed list`."))
    if result.over_limit:
        most = format_number(interaction.client.server_feeds.most)
        raise UserError(tr("A server can follow {most} feeds. Remove one first with `/feed remove`.", most=most))


async def _publish_newest(interaction: Interaction, url: str, count: int) -> str:
    """Publish the newest cards of a feed that was just followed, as decisions of the person who asked for it."""
    bot, guild_id = interaction.client, guild_id_of(interaction)
    newest = await bot.server_feeds.wait_for_newest(guild_id, url, count)
    if newest is None:
        return tr("It hasn't been read yet, so none of its cards are posted right away.")
    for card_id in newest:
        decision = Decision(guild_id, card_id, Verdict.PUBLISH, interaction.user.id, bot.clock())
        await bot.store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)
    await bot.pipeline.plan_cards(newest, guild_id)
    return trn("Its newest card is published.", "Its newest {count} cards are published.", len(newest))


def _followed_text(follow: Follow) -> str:
    text = tr("This server now follows the feed. See its state with `/feed list`.")
    if follow.policy is FollowPolicy.REVIEW:
        return f"{text} {tr('Its cards wait in `/desk queue` and in the channel set with `/desk channel`.')}"
    if follow.policy is FollowPolicy.ARCHIVE:
        return text
    return f"{text} {tr('Its cards go to channels with a matching subscription. Add one with `/digest subscribe`.')}"


class ImportDraft(ErrorReportingView):
    """A list of feeds that a person looks at before the server follows them. It is kept in memory only."""

    def __init__(self, new: Sequence[NewFeed], follow: Follow) -> None:
        super().__init__(timeout=_MINUTES * 60)
        self.new = new
        self.follow = follow
        if new:
            self.add_item(_ImportButton(self))


class _ImportButton(ErrorReportingItem, discord.ui.Button["ImportDraft"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: ImportDraft) -> None:
        label = trn("Follow {count} feed", "Follow {count} feeds", len(draft.new))
        custom_id = f"nd:feed:{secrets.token_hex(4)}:import"
        super().__init__(custom_id=custom_id, label=label, style=discord.ButtonStyle.success)
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        require_server_manager(interaction)
        result = await interaction.client.server_feeds.follow_feeds(self.draft.new, self.draft.follow)
        self.draft.stop()
        text = trn(
            "This server now follows {count} more feed. See its state with `/feed list`.",
            "This server now follows {count} more feeds. See their state with `/feed list`.",
            result.added,
        )
        await answer_interaction(interaction, content=text, embeds=[], view=None)


def lost_preview_text(interaction: Interaction) -> str:
    """Return the notice for a preview that timed out, is done, or belongs to an earlier process; empty otherwise."""
    data: Any = interaction.data or {}
    found = _PREVIEW_ITEM.fullmatch(str(data.get("custom_id", "")))
    if not found:
        return ""
    if found["item"] == "import":
        return tr("This preview has expired. Run `/feed import` again.")
    return tr("This preview has expired. Run `/feed add` again.")


async def build_import_reply(interaction: Interaction, content: OpmlImport, follow: Follow) -> Reply:
    """Show what an import would do, with a button that does it."""
    feeds = interaction.client.server_feeds
    followed = await feeds.list_feeds(guild_id_of(interaction))
    known = {address for each in followed for address in (each.feed.key, each.feed.url)}
    new = [
        NewFeed(each.url, each.title, FeedOptions(topics=each.topics))
        for each in content.feeds
        if each.url not in known
    ]
    room = max(feeds.most - len(followed), 0)
    preview = ImportPreview(
        [each.title or redact_url(each.url) for each in new[:room]],
        len(content.feeds) - len(new),
        len(content.refused),
        max(len(new) - room, 0) + content.left_out,
        follow,
    )
    embed = render_import_preview(preview)
    return {"embed": embed, "view": ImportDraft(new[:room], follow)} if new[:room] else {"embed": embed}


def build_export_reply(followed: Sequence[FollowedFeed], title: str) -> Reply:
    """Build the list of a server's feeds as a file, without the credentials of their addresses."""
    body = write_opml(title, to_opml_feeds(followed, redact_url))
    lines = [trn("{count} feed, as OPML.", "{count} feeds, as OPML.", len(followed))]
    if incomplete := sum(redact_url(each.feed.url) != each.feed.url for each in followed):
        lines.append(
            trn(
                "The file leaves out the password or key of {count} address. Add that feed again by hand.",
                "The file leaves out the passwords or keys of {count} addresses. Add those feeds again by hand.",
                incomplete,
            )
        )
    return {"content": "\n".join(lines), "file": discord.File(io.BytesIO(body), _FILE)}


async def build_check_reply(interaction: Interaction, followed: FollowedFeed) -> str:
    """Look at a feed now and say what it answers."""
    check = (await interaction.client.server_feeds.look_up(followed.feed.url)).check
    if check.feed is None:
        return f"⚠️ {describe_lookup_problem(check.problem, check.result.http_status)}"
    now = interaction.client.clock()
    times = [item.published_at for item in check.feed.items if item.published_at]
    return describe_check(
        check.feed.title or followed.name,
        len(check.feed.items),
        max(times, default=None),
        estimate_rate(check.feed, now),
        check.feed.problems,
    )


@safe_autocomplete
async def complete_feeds(interaction: Interaction, current: str) -> Choices:
    """Complete the feeds that this server follows."""
    query = current.casefold()
    found = await interaction.client.server_feeds.list_feeds(guild_id_of(interaction))
    fitting = [
        each
        for each in found
        if query in each.name.casefold() or query in each.feed.host or query == str(each.feed.source_id)
    ]
    return [
        app_commands.Choice(name=cut_text(_choice_name(each, found), CHOICE_NAME), value=str(each.feed.source_id))
        for each in fitting[:CHOICES]
    ]


def _choice_name(followed: FollowedFeed, others: Sequence[FollowedFeed]) -> str:
    is_ambiguous = sum(each.name == followed.name for each in others) > 1
    return f"{followed.name} ({redact_url(followed.feed.url)})" if is_ambiguous else followed.name


async def resolve_feed(interaction: Interaction, value: str) -> FollowedFeed:
    """Resolve an option to a feed of this server: a suggestion, its address or its name. Raises `UserError`."""
    found = await interaction.client.server_feeds.list_feeds(guild_id_of(interaction))
    typed = value.strip()
    if chosen := next(
        (each for each in found if typed in (str(each.feed.source_id), each.feed.key, each.feed.url)), None
    ):
        return chosen
    # People also submit what they typed without choosing from the list.
    named = [each for each in found if typed.casefold() in (each.name.casefold(), each.feed.host)]
    if len(named) == 1:
        return named[0]
    raise UserError(tr("I can't find that feed. Choose one from the list."))
