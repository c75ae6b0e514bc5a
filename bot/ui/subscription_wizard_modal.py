"""The modal of `/digest setup` for values that are typed: times, days, time zone and limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import discord

from bot.client.acknowledgement import Acknowledgement
from bot.client.error_handler import ErrorReportingModal
from bot.domain.subscription import Frequency
from bot.errors import UserError
from bot.i18n import tr, weekday_names
from bot.ui.subscription_options import OptionInput, apply_options

if TYPE_CHECKING:
    from bot.ui.subscription_wizard import SubscriptionWizard

Interaction = discord.Interaction[Any]
_LONGEST = 500


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
        self.without = _text_input(tr("Leave out topics or words"), tr("Gossip, rumour"), ", ".join(options.without))
        self.quality = _text_input(tr("Minimum quality (0 to about 190)"), "0", str(options.min_quality or ""))
        timed = [self.at, self.on, self.timezone] if options.when is not Frequency.INSTANT else []
        self.shown_inputs = [*timed, self.without, self.quality]
        for label in self.shown_inputs:
            self.add_item(label)

    async def on_submit(self, interaction: Interaction, /) -> None:
        quality = _input_value(self.quality)
        if quality and not quality.isdecimal():
            raise UserError(tr("The minimum quality is a whole number, such as 60."))
        option_input = OptionInput(
            at=_input_value(self.at) if self.at in self.shown_inputs else None,
            on=_input_value(self.on) if self.on in self.shown_inputs else None,
            timezone=_input_value(self.timezone) if self.timezone in self.shown_inputs else None,
            without=_input_value(self.without) or "none",
            min_quality=min(int(quality or 0), 1000),
        )
        # The fields are prefilled with the current values, so an empty one clears its value.
        self.draft.options = apply_options(option_input, replace(self.draft.options, times=(), days=()))
        self.draft.zone = option_input.timezone or ""
        await self.draft.show_draft(interaction)


def _text_input(label: str, example: str, value: str) -> discord.ui.Label[Any]:
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        required=False, placeholder=example, default=value[:_LONGEST], max_length=_LONGEST
    )
    return discord.ui.Label(text=label, component=field)


def _input_value(label: discord.ui.Label[Any]) -> str:
    field = label.component
    return field.value.strip() if isinstance(field, discord.ui.TextInput) else ""
