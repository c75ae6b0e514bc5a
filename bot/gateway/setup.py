"""`/digest setup`: an interactive form for a subscription, with a preview before it is created."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.desk.subscription import Layout, Subscription, When, Wish
from bot.desk.timetable import first_turn
from bot.errors import UserError
from bot.gateway.acknowledgement import Acknowledgement, answer
from bot.gateway.failures import Answering, AnsweringView
from bot.gateway.previews import preview_reply
from bot.gateway.rights import guild_id, require_channel_manager
from bot.gateway.setup_form import TimesAndLimits
from bot.gateway.suggestions import Target, target
from bot.gateway.wishes import Asked, base_wish, remember_zone, require_possible, subscribe, wish_of
from bot.language import marked, tr
from bot.render.limits import CHOICES
from bot.render.subscriptions import begins, draft_embed, subscription_embed

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

Interaction = discord.Interaction[Any]
_DRAFT = re.compile(r"nd:setup:(?P<draft>[0-9a-f]{8}):[a-z]+")
_MINUTES = 14  # an ephemeral response can be edited for 15
_WHEN = {
    When.INSTANT: (marked("Instantly"), marked("Each card as it appears")),
    When.HOURLY: (marked("Hourly"), marked("A digest every hour in which there is something new")),
    When.DAILY: (marked("Daily"), marked("A digest a day, or several")),
    When.WEEKDAYS: (marked("Monday to Friday"), marked("A digest on working days")),
    When.WEEKLY: (marked("Weekly"), marked("A digest a week")),
}
_LAYOUTS = {
    Layout.CARDS: (marked("Cards"), marked("A small card each, with its picture")),
    Layout.LIST: (marked("List"), marked("Linked headlines, the most in the least room")),
}
_CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.public_thread,
    discord.ChannelType.news_thread,
]


class SetupView(AnsweringView):
    """A draft of a subscription, for the person who started it.

    It is kept in memory only; `open_drafts` holds the keys of the open ones (see `about_lost_draft`).
    """

    def __init__(self, wish: Wish, topics: Sequence[str], open_drafts: set[str]) -> None:
        super().__init__(timeout=_MINUTES * 60)
        self.wish = wish
        self.topics = topics
        self.channel: Target | None = None
        self.zone = ""
        """The time zone as typed."""
        self._key = secrets.token_hex(4)
        self._open_drafts = open_drafts
        open_drafts.add(self._key)
        self._fill()

    @classmethod
    async def begun(cls, interaction: discord.Interaction[NewsBot]) -> Self:
        """Start with a daily digest of every topic."""
        found = await interaction.client.store.archive.topics(guild_id(interaction), limit=CHOICES)
        wish = replace(await base_wish(interaction), when=When.DAILY)
        known = [topic.name for topic in found if len(topic.name) <= 100]
        return cls(wish, known, interaction.client.open_drafts)

    def custom_id(self, item: str) -> str:
        """Return an id that is stable across redraws, so that a click during a redraw still finds its item."""
        return f"nd:setup:{self._key}:{item}"

    def close(self) -> None:
        """End the draft."""
        self.stop()
        self._open_drafts.discard(self._key)

    async def on_timeout(self) -> None:
        self.close()

    def reply(self) -> dict[str, Any]:
        """Render the draft and its components."""
        return {"embed": draft_embed(self.channel.id if self.channel else None, self.wish), "view": self}

    def _fill(self) -> None:
        self.clear_items()
        for item in (_ChannelSelect(self), _WhenSelect(self), _TopicSelect(self), _LayoutSelect(self)):
            if item.is_useful():
                self.add_item(item)
        for button in (_MoreButton(self), _PreviewButton(self), _SubscribeButton(self)):
            self.add_item(button)

    async def draw(self, interaction: Interaction) -> None:
        """Redraw the draft."""
        self._fill()
        await answer(interaction, **self.reply())

    async def chosen_channel(self, interaction: Interaction) -> Target:
        if self.channel is None:
            raise UserError(tr("Choose a channel first."))
        await require_channel_manager(interaction, self.channel.id)
        return self.channel


def about_lost_draft(interaction: Interaction) -> str:
    """Return the notice for a draft that timed out or belongs to an earlier process; empty if it is neither."""
    data: Any = interaction.data or {}
    named = _DRAFT.fullmatch(str(data.get("custom_id", "")))
    if named and named["draft"] not in interaction.client.open_drafts:
        return tr("This setup is not open any more. Begin anew: `/digest setup`.")
    return ""


class _Choice(Answering, discord.ui.Select["SetupView"]):
    """A select of a draft; the chosen option stays selected."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(
        self, draft: SetupView, name: str, placeholder: str, options: list[discord.SelectOption], **more: Any
    ) -> None:
        super().__init__(custom_id=draft.custom_id(name), placeholder=placeholder, options=options, **more)
        self.draft = draft

    def is_useful(self) -> bool:
        return bool(self.options)


class _ChannelSelect(Answering, discord.ui.ChannelSelect["SetupView"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SetupView) -> None:
        chosen = [draft.channel] if draft.channel else []
        super().__init__(
            custom_id=draft.custom_id("channel"),
            placeholder=tr("Where should the cards go?"),
            channel_types=_CHANNELS,
            default_values=chosen,
            row=0,
        )
        self.draft = draft

    def is_useful(self) -> bool:
        return True

    async def act(self, interaction: Interaction) -> None:
        chosen = await target(interaction, self.values[0].id)
        await require_channel_manager(interaction, chosen.id)
        require_possible(interaction, chosen, self.draft.wish)
        self.draft.channel = chosen
        await self.draft.draw(interaction)


class _WhenSelect(_Choice):
    def __init__(self, draft: SetupView) -> None:
        options = [
            discord.SelectOption(label=tr(name), description=tr(about), value=when, default=draft.wish.when is when)
            for when, (name, about) in _WHEN.items()
        ]
        super().__init__(draft, "when", tr("When?"), options, row=1)

    async def act(self, interaction: Interaction) -> None:
        """Reset days and times, which do not fit another kind of digest."""
        self.draft.wish = replace(self.draft.wish, when=When(self.values[0]), days=(), times=())
        await self.draft.draw(interaction)


class _TopicSelect(_Choice):
    def __init__(self, draft: SetupView) -> None:
        known = [*draft.wish.topics, *(topic for topic in draft.topics if topic not in draft.wish.topics)][:CHOICES]
        options = [discord.SelectOption(label=topic, default=topic in draft.wish.topics) for topic in known]
        super().__init__(draft, "topics", tr("Every topic"), options, row=2, min_values=0, max_values=len(options) or 1)

    async def act(self, interaction: Interaction) -> None:
        self.draft.wish = wish_of(Asked(), replace(self.draft.wish, topics=tuple(self.values)))
        await self.draft.draw(interaction)


class _LayoutSelect(_Choice):
    def __init__(self, draft: SetupView) -> None:
        options = [
            discord.SelectOption(
                label=tr(name), description=tr(about), value=layout, default=draft.wish.layout is layout
            )
            for layout, (name, about) in _LAYOUTS.items()
        ]
        super().__init__(draft, "layout", tr("How should it look?"), options, row=3)

    def is_useful(self) -> bool:
        return self.draft.wish.when is not When.INSTANT

    async def act(self, interaction: Interaction) -> None:
        self.draft.wish = replace(self.draft.wish, layout=Layout(self.values[0]))
        await self.draft.draw(interaction)


class _MoreButton(Answering, discord.ui.Button["SetupView"]):
    acknowledgement = Acknowledgement.FORM

    def __init__(self, draft: SetupView) -> None:
        super().__init__(custom_id=draft.custom_id("more"), label=tr("Times and limits…"), row=4)
        self.draft = draft

    def form(self, _interaction: Interaction) -> TimesAndLimits:
        return TimesAndLimits(self.draft)


class _PreviewButton(Answering, discord.ui.Button["SetupView"]):
    def __init__(self, draft: SetupView) -> None:
        super().__init__(custom_id=draft.custom_id("preview"), label=tr("Preview"), row=4)
        self.draft = draft

    async def act(self, interaction: Interaction) -> None:
        channel_id = self.draft.channel.id if self.draft.channel else 0
        drafted = _drafted(interaction, channel_id, self.draft.wish)
        await answer(interaction, **await preview_reply(interaction, drafted))


class _SubscribeButton(Answering, discord.ui.Button["SetupView"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SetupView) -> None:
        super().__init__(
            custom_id=draft.custom_id("subscribe"),
            label=tr("Subscribe"),
            style=discord.ButtonStyle.success,
            row=4,
            disabled=draft.channel is None,
        )
        self.draft = draft

    async def act(self, interaction: Interaction) -> None:
        channel = await self.draft.chosen_channel(interaction)
        made = await subscribe(interaction, channel, self.draft.wish)
        self.draft.close()
        await remember_zone(interaction, self.draft.zone)
        await answer(interaction, content=begins(made), embed=subscription_embed(made), view=None)


def _drafted(interaction: Interaction, channel_id: int, wish: Wish) -> Subscription:
    """Build the subscription that the draft would create now."""
    now = interaction.client.clock()
    since, next_at = first_turn(wish, now)
    server = guild_id(interaction)
    return Subscription(0, server, channel_id, interaction.user.id, now, since, wish, next_at=next_at)
