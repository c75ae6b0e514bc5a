"""`/digest setup`: an interactive form for a subscription, with a preview before it is created."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import discord

from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem, ErrorReportingModal, ErrorReportingView
from bot.client.permissions import guild_id_of, require_channel_manager
from bot.domain.subscription import MAX_KEEP_DAYS, Frequency, Layout, SubscriptionOptions
from bot.errors import UserError
from bot.i18n import tr, weekday_names
from bot.render.card import SEPARATOR
from bot.render.levels import QUALITY_WORDS
from bot.render.limits import CHOICES
from bot.render.subscriptions import capitalize_first, render_draft, render_subscription, subscribed_text
from bot.ui.autocomplete import SubscribableChannel, resolve_channel
from bot.ui.digest_preview import build_preview_reply
from bot.ui.option_table import FREQUENCIES, LAYOUT_CHOICES, summarize_options
from bot.ui.subscription_options import (
    apply_options,
    create_subscription,
    default_options,
    draft_subscription,
    save_timezone,
    subscription_notes,
    validate_channel,
)

_DRAFT = re.compile(r"nd:setup:(?P<draft>[0-9a-f]{8}):[a-z]+")
_INPUT_LENGTH = 500
_BACKFILL = 3
"""Number of cards that the form offers to post at once."""
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
        self.refused_inputs: dict[str, str] = {}
        """What was typed into a form that could not be read, by field: it is shown again when the form is reopened."""
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
        for button in (_TimesButton, _FiltersButton, _BackfillButton, _PreviewButton, _SubscribeButton):
            self.add_item(button(self))

    @contextmanager
    def keep_refused(self, typed: Mapping[str, str]) -> Iterator[None]:
        """Keep what was typed for the form's next opening if it cannot be read; else let it go."""
        try:
            yield
        except UserError:
            self.refused_inputs |= typed
            raise
        self.refused_inputs = {name: text for name, text in self.refused_inputs.items() if name not in typed}

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


def _to_select_options(name: str, texts: Mapping[Any, str], selected: object) -> list[discord.SelectOption]:
    """Return the choices of an option. The selected one, which a closed select shows, is labelled with the name."""
    return [
        discord.SelectOption(
            label=f"{name}{SEPARATOR}{tr(text)}" if value == selected else capitalize_first(tr(text)),
            value=value,
            default=value == selected,
        )
        for value, text in texts.items()
    ]


class _FrequencySelect(_DraftSelect):
    def __init__(self, draft: SubscriptionWizard) -> None:
        options = _to_select_options(tr("How often"), FREQUENCIES, draft.options.frequency)
        super().__init__(draft, "when", tr("How often"), options, row=1)

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
        super().__init__(
            draft, "topics", tr("Topics · every topic"), options, row=2, min_values=0, max_values=len(options) or 1
        )

    async def handle_click(self, interaction: Interaction) -> None:
        self.draft.options = apply_options({}, replace(self.draft.options, topics=tuple(self.values)))
        await self.draft.show_draft(interaction)


class _LayoutSelect(_DraftSelect):
    def __init__(self, draft: SubscriptionWizard) -> None:
        options = _to_select_options(tr("Layout"), LAYOUT_CHOICES, draft.options.layout)
        super().__init__(draft, "layout", tr("Layout"), options, row=3)

    def is_available(self) -> bool:
        return self.draft.options.frequency is not Frequency.INSTANT

    async def handle_click(self, interaction: Interaction) -> None:
        self.draft.options = replace(self.draft.options, layout=Layout(self.values[0]))
        await self.draft.show_draft(interaction)


class _TimesButton(ErrorReportingItem, discord.ui.Button["SubscriptionWizard"]):
    acknowledgement = Acknowledgement.FORM

    def __init__(self, draft: SubscriptionWizard) -> None:
        label = tr("Posts…") if draft.options.frequency is Frequency.INSTANT else tr("Times, posts…")
        super().__init__(custom_id=draft.item_id("times"), label=label, row=4)
        self.draft = draft

    def build_form(self, _interaction: Interaction) -> ScheduleModal:
        return ScheduleModal(self.draft)


class _FiltersButton(ErrorReportingItem, discord.ui.Button["SubscriptionWizard"]):
    acknowledgement = Acknowledgement.FORM

    def __init__(self, draft: SubscriptionWizard) -> None:
        super().__init__(custom_id=draft.item_id("filters"), label=tr("Filters…"), row=4)
        self.draft = draft

    def build_form(self, _interaction: Interaction) -> FilterModal:
        return FilterModal(self.draft)


class _BackfillButton(ErrorReportingItem, discord.ui.Button["SubscriptionWizard"]):
    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SubscriptionWizard) -> None:
        label = tr("Post the latest {count} now", count=_BACKFILL)
        super().__init__(
            custom_id=draft.item_id("latest"),
            label=label,
            emoji="✅" if draft.options.backfill else None,
            row=4,
        )
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        """Switch it on, or off again."""
        self.draft.options = replace(self.draft.options, backfill=0 if self.draft.options.backfill else _BACKFILL)
        await self.draft.show_draft(interaction)


class _PreviewButton(ErrorReportingItem, discord.ui.Button["SubscriptionWizard"]):
    def __init__(self, draft: SubscriptionWizard) -> None:
        super().__init__(custom_id=draft.item_id("preview"), label=tr("Preview"), row=4)
        self.draft = draft

    async def handle_click(self, interaction: Interaction) -> None:
        channel_id = self.draft.channel.id if self.draft.channel else 0
        draft = draft_subscription(interaction, channel_id, self.draft.options)
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
        made, count = await create_subscription(interaction, channel, self.draft.options)
        self.draft.close()
        await save_timezone(interaction, self.draft.zone)
        embed = render_subscription(made, summarize_options(made.options))
        text = subscribed_text(made, count) + await subscription_notes(interaction, made)
        await answer_interaction(interaction, content=text, embed=embed, view=None)


class ScheduleModal(ErrorReportingModal):
    """When a draft's digests come, how long posts stay, and whether they get threads.

    The fields hold the current values, so an empty one clears its value.
    """

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SubscriptionWizard) -> None:
        is_instant = draft.options.frequency is Frequency.INSTANT
        title = tr("Posts") if is_instant else tr("Times and posts")
        super().__init__(title=title, custom_id=draft.item_id("schedule"))
        self.draft = draft
        options, names = draft.options, weekday_names()
        times, day_names = (f"{clock:%H:%M}" for clock in options.times), (names[day] for day in options.days)
        typed, days = draft.refused_inputs, str(options.keep_days or "")
        self.at = _text_input(tr("Times of day"), "9:00, 18:30", typed.get("at", tuple(times)))
        self.on = _text_input(tr("Days"), tr("mon-fri, or Sat"), typed.get("on", tuple(day_names)))
        self.timezone = _text_input(tr("Time zone"), "Europe/Berlin", typed.get("timezone", options.timezone))
        example = tr("never, or such as 30")
        self.keep_days = _text_input(tr("Delete posts after how many days"), example, typed.get("keep_days", days))
        self.thread: discord.ui.Checkbox[Any] = discord.ui.Checkbox(default=options.thread)
        thread: discord.ui.Label[Any] = discord.ui.Label(
            text=tr("A discussion thread under each post"), component=self.thread
        )
        for label in (*(() if is_instant else (self.at, self.on, self.timezone)), self.keep_days, thread):
            self.add_item(label)

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        inputs = {"at": self.at, "on": self.on, "timezone": self.timezone}
        typed = {name: _input_value(item) for name, item in inputs.items() if item in self.children}
        with self.draft.keep_refused(typed | {"keep_days": _input_value(self.keep_days)}):
            given: dict[str, Any] = typed | {
                "keep_days": _parse_days(_input_value(self.keep_days)),
                "thread": self.thread.value,
            }
            options = apply_options(given, replace(self.draft.options, times=(), days=()))
            if self.draft.channel:
                validate_channel(interaction, self.draft.channel, options)
        self.draft.options = options
        self.draft.zone = given.get("timezone", "")
        await self.draft.show_draft(interaction)


def _parse_days(typed: str) -> int:
    if not typed:
        return 0
    if not typed.isdecimal() or int(typed) > MAX_KEEP_DAYS:
        raise UserError(
            tr("The days are a whole number of at most {most}; leave them empty for never.", most=MAX_KEEP_DAYS)
        )
    return int(typed)


class FilterModal(ErrorReportingModal):
    """Which cards a draft brings, beside topics. The fields hold the current values."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SubscriptionWizard) -> None:
        super().__init__(title=tr("Filters"), custom_id=draft.item_id("limits"))
        self.draft = draft
        options = draft.options
        typed, quality = draft.refused_inputs, str(options.min_quality or "")
        words, providers = typed.get("words", options.words), typed.get("providers", options.providers)
        self.words = _text_input(tr("Only with one of these words"), tr('chips, "open source"'), words)
        self.providers = _text_input(tr("Only from these publishers"), tr("NASA, BBC News"), providers)
        without = typed.get("without", options.excluded)
        self.without = _text_input(tr("Leave out topics or words"), tr("Gossip, rumour"), without)
        self.quality = _text_input(tr("Minimum quality"), _quality_scale(), typed.get("min_quality", quality))
        for label in (self.words, self.providers, self.without, self.quality):
            self.add_item(label)

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        inputs = {
            "words": self.words,
            "providers": self.providers,
            "without": self.without,
            "min_quality": self.quality,
        }
        typed = {name: _input_value(item) for name, item in inputs.items()}
        quality = typed["min_quality"] or "0"
        with self.draft.keep_refused(typed):
            if not quality.isdecimal():
                raise UserError(tr("The minimum quality is a whole number, such as 60."))
            given: dict[str, Any] = {name: text or "none" for name, text in typed.items()}
            given["min_quality"] = min(int(quality), 1000)
            self.draft.options = apply_options(given, self.draft.options)
        await self.draft.show_draft(interaction)


def _quality_scale() -> str:
    """Explain minimum qualities, as an example in the field."""
    return ", ".join(f"{level.value} {tr(word)}" for level, word in QUALITY_WORDS.items())


def _text_input(label: str, example: str, value: str | tuple[str, ...]) -> discord.ui.Label[Any]:
    value = value if isinstance(value, str) else ", ".join(value)
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        required=False, placeholder=example, default=value[:_INPUT_LENGTH], max_length=_INPUT_LENGTH
    )
    return discord.ui.Label(text=label, component=field)


def _input_value(label: discord.ui.Label[Any]) -> str:
    field = label.component
    return field.value.strip() if isinstance(field, discord.ui.TextInput) else ""
