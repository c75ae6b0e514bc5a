"""`/digest setup`: an interactive form for a subscription, with a preview before it is created."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import discord

from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem, ErrorReportingModal, ErrorReportingView
from bot.client.permissions import guild_id_of, require_channel_manager
from bot.domain.digest_schedule import initial_schedule
from bot.domain.subscription import Frequency, Layout, Subscription, SubscriptionOptions
from bot.errors import UserError
from bot.i18n import tr, weekday_names
from bot.render.limits import CHOICES
from bot.render.subscriptions import capitalize_first, render_draft, render_subscription, subscribed_text
from bot.ui.autocomplete import SubscribableChannel, resolve_channel
from bot.ui.digest_preview import build_preview_reply
from bot.ui.option_table import FREQUENCIES, LAYOUT_CHOICES, summarize_options
from bot.ui.subscription_options import (
    apply_options,
    create_subscription,
    default_options,
    save_timezone,
    validate_channel,
)

_DRAFT = re.compile(r"nd:setup:(?P<draft>[0-9a-f]{8}):[a-z]+")
_INPUT_LENGTH = 500
_MINUTES = 14  # an ephemeral response can be edited for 15
_CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.public_thread,
    discord.ChannelType.news_thread,
]


class SubscriptionWizard(ErrorReportingView):
    """A draft of a subscription, for the person who started it.

    It is kept in memory only; `open_drafts` holds the keys of the open ones (see `lost_draft_text`).
    """

    def __init__(self, options: SubscriptionOptions, topics: Sequence[str], open_drafts: set[str]) -> None:
        super().__init__(timeout=_MINUTES * 60)
        self.options = options
        self.topics = topics
        self.channel: SubscribableChannel | None = None
        self.zone = ""
        """The time zone as typed."""
        self._key = secrets.token_hex(4)
        self._open_drafts = open_drafts
        open_drafts.add(self._key)
        self._add_items()

    @classmethod
    async def start_draft(cls, interaction: Interaction) -> Self:
        """Start with a daily digest of every topic."""
        found = await interaction.client.store.cards.list_topics(guild_id_of(interaction), limit=CHOICES)
        options = replace(await default_options(interaction), frequency=Frequency.DAILY)
        known = [topic.name for topic in found if len(topic.name) <= 100]
        return cls(options, known, interaction.client.open_drafts)

    def item_id(self, item: str) -> str:
        """Return an id that is stable across redraws, so that a click during a redraw still finds its item."""
        return f"nd:setup:{self._key}:{item}"

    def close(self) -> None:
        """End the draft."""
        self.stop()
        self._open_drafts.discard(self._key)

    async def on_timeout(self) -> None:
        self.close()

    def build_reply(self) -> dict[str, Any]:
        """Render the draft and its components."""
        channel_id, summary = self.channel.id if self.channel else None, summarize_options(self.options)
        return {"embed": render_draft(channel_id, self.options, summary), "view": self}

    def _add_items(self) -> None:
        self.clear_items()
        for item in (_ChannelSelect(self), _FrequencySelect(self), _TopicSelect(self), _LayoutSelect(self)):
            if item.is_available():
                self.add_item(item)
        for button in (_MoreButton(self), _PreviewButton(self), _SubscribeButton(self)):
            self.add_item(button)

    async def show_draft(self, interaction: Interaction) -> None:
        """Redraw the draft."""
        self._add_items()
        await answer_interaction(interaction, **self.build_reply())

    async def resolve_channel(self, interaction: Interaction) -> SubscribableChannel:
        if self.channel is None:
            raise UserError(tr("Choose a channel first."))
        await require_channel_manager(interaction, self.channel.id)
        return self.channel


def lost_draft_text(interaction: Interaction) -> str:
    """Return the notice for a draft that timed out or belongs to an earlier process; empty if it is neither."""
    data: Any = interaction.data or {}
    named = _DRAFT.fullmatch(str(data.get("custom_id", "")))
    if named and named["draft"] not in interaction.client.open_drafts:
        return tr("This setup has expired. Start again with `/digest setup`.")
    return ""


class _DraftSelect(ErrorReportingItem, discord.ui.Select["SubscriptionWizard"]):
    """A select of a draft; the chosen option stays selected."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(
        self, draft: SubscriptionWizard, name: str, placeholder: str, options: list[discord.SelectOption], **more: Any
    ) -> None:
        super().__init__(custom_id=draft.item_id(name), placeholder=placeholder, options=options, **more)
        self.draft = draft

    def is_available(self) -> bool:
        return bool(self.options)


class _ChannelSelect(ErrorReportingItem, discord.ui.ChannelSelect["SubscriptionWizard"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SubscriptionWizard) -> None:
        selected = [draft.channel] if draft.channel else []
        super().__init__(
            custom_id=draft.item_id("channel"),
            placeholder=tr("Where should the cards go?"),
            channel_types=_CHANNELS,
            default_values=selected,
            row=0,
        )
        self.draft = draft

    def is_available(self) -> bool:
        return True

    async def handle_click(self, interaction: Interaction) -> None:
        selected = await resolve_channel(interaction, self.values[0].id)
        await require_channel_manager(interaction, selected.id)
        validate_channel(interaction, selected, self.draft.options)
        self.draft.channel = selected
        await self.draft.show_draft(interaction)


def _to_select_options(texts: Mapping[Any, str], selected: object) -> list[discord.SelectOption]:
    """Return the choices that the commands offer for an option."""
    return [
        discord.SelectOption(label=capitalize_first(tr(text)), value=value, default=value == selected)
        for value, text in texts.items()
    ]


class _FrequencySelect(_DraftSelect):
    def __init__(self, draft: SubscriptionWizard) -> None:
        options = _to_select_options(FREQUENCIES, draft.options.frequency)
        super().__init__(draft, "when", tr("When?"), options, row=1)

    async def handle_click(self, interaction: Interaction) -> None:
        """Reset days and times, which do not fit another kind of digest."""
        self.draft.options = replace(self.draft.options, frequency=Frequency(self.values[0]), days=(), times=())
        await self.draft.show_draft(interaction)


class _TopicSelect(_DraftSelect):
    def __init__(self, draft: SubscriptionWizard) -> None:
        # Chosen topics first: a select shows 25, and one that is not shown could not stay chosen.
        known = [*draft.options.topics, *(topic for topic in draft.topics if topic not in draft.options.topics)][
            :CHOICES
        ]
        options = [discord.SelectOption(label=topic, default=topic in draft.options.topics) for topic in known]
        super().__init__(draft, "topics", tr("Every topic"), options, row=2, min_values=0, max_values=len(options) or 1)

    async def handle_click(self, interaction: Interaction) -> None:
        self.draft.options = apply_options({}, replace(self.draft.options, topics=tuple(self.values)))
        await self.draft.show_draft(interaction)


class _LayoutSelect(_DraftSelect):
    def __init__(self, draft: SubscriptionWizard) -> None:
        options = _to_select_options(LAYOUT_CHOICES, draft.options.layout)
        super().__init__(draft, "layout", tr("How should it look?"), options, row=3)

    def is_available(self) -> bool:
        return self.draft.options.frequency is not Frequency.INSTANT

    async def handle_click(self, interaction: Interaction) -> None:
        self.draft.options = replace(self.draft.options, layout=Layout(self.values[0]))
        await self.draft.show_draft(interaction)


class _MoreButton(ErrorReportingItem, discord.ui.Button["SubscriptionWizard"]):
    acknowledgement = Acknowledgement.FORM

    def __init__(self, draft: SubscriptionWizard) -> None:
        super().__init__(custom_id=draft.item_id("more"), label=tr("Times and limits…"), row=4)
        self.draft = draft

    def build_form(self, _interaction: Interaction) -> ScheduleModal:
        return ScheduleModal(self.draft)


class _PreviewButton(ErrorReportingItem, discord.ui.Button["SubscriptionWizard"]):
    def __init__(self, draft: SubscriptionWizard) -> None:
        super().__init__(custom_id=draft.item_id("preview"), label=tr("Preview"), row=4)
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        channel_id = self.draft.channel.id if self.draft.channel else 0
        draft = _draft_subscription(interaction, channel_id, self.draft.options)
        await answer_interaction(interaction, **await build_preview_reply(interaction, draft))


class _SubscribeButton(ErrorReportingItem, discord.ui.Button["SubscriptionWizard"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SubscriptionWizard) -> None:
        super().__init__(
            custom_id=draft.item_id("subscribe"),
            label=tr("Subscribe"),
            style=discord.ButtonStyle.success,
            row=4,
            disabled=draft.channel is None,
        )
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        channel = await self.draft.resolve_channel(interaction)
        made = await create_subscription(interaction, channel, self.draft.options)
        self.draft.close()
        await save_timezone(interaction, self.draft.zone)
        embed = render_subscription(made, summarize_options(made.options))
        await answer_interaction(interaction, content=subscribed_text(made), embed=embed, view=None)


def _draft_subscription(interaction: Interaction, channel_id: int, options: SubscriptionOptions) -> Subscription:
    """Build the subscription that the draft would create now."""
    now = interaction.client.clock()
    since, next_digest_at = initial_schedule(options, now)
    guild_id = guild_id_of(interaction)
    return Subscription(
        0, guild_id, channel_id, interaction.user.id, now, since, options, next_digest_at=next_digest_at
    )


class ScheduleModal(ErrorReportingModal):
    """A draft's modal; an instant subscription has no times."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SubscriptionWizard) -> None:
        super().__init__(title=tr("Times and limits"), custom_id=draft.item_id("limits"))
        self.draft = draft
        options, names = draft.options, weekday_names()
        self.at = _text_input(tr("Times of day"), "9:00, 18:30", ", ".join(f"{clock:%H:%M}" for clock in options.times))
        self.on = _text_input(tr("Days"), tr("mon-fri, or Sat"), ", ".join(names[day] for day in options.days))
        self.timezone = _text_input(tr("Time zone"), "Europe/Berlin", options.timezone)
        self.without = _text_input(tr("Leave out topics or words"), tr("Gossip, rumour"), ", ".join(options.excluded))
        self.quality = _text_input(tr("Minimum quality (0 to about 190)"), "0", str(options.min_quality or ""))
        timed = [self.at, self.on, self.timezone] if options.frequency is not Frequency.INSTANT else []
        self.shown_inputs = [*timed, self.without, self.quality]
        for label in self.shown_inputs:
            self.add_item(label)

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        quality = _input_value(self.quality)
        if quality and not quality.isdecimal():
            raise UserError(tr("The minimum quality is a whole number, such as 60."))
        shown = {"at": self.at, "on": self.on, "timezone": self.timezone, "without": self.without}
        given: dict[str, Any] = {name: _input_value(item) for name, item in shown.items() if item in self.shown_inputs}
        given |= {"without": given["without"] or "none", "min_quality": min(int(quality or 0), 1000)}
        # The fields are prefilled with the current values, so an empty one clears its value.
        self.draft.options = apply_options(given, replace(self.draft.options, times=(), days=()))
        self.draft.zone = given.get("timezone", "")
        await self.draft.show_draft(interaction)


def _text_input(label: str, example: str, value: str) -> discord.ui.Label[Any]:
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        required=False, placeholder=example, default=value[:_INPUT_LENGTH], max_length=_INPUT_LENGTH
    )
    return discord.ui.Label(text=label, component=field)


def _input_value(label: discord.ui.Label[Any]) -> str:
    field = label.component
    return field.value.strip() if isinstance(field, discord.ui.TextInput) else ""
