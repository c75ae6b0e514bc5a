"""The modal of `/digest setup` for values that are typed: times, days, time zone and limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import discord

from bot.desk.subscription import When
from bot.errors import UserError
from bot.gateway.acknowledgement import Acknowledgement
from bot.gateway.failures import AnsweringModal
from bot.gateway.wishes import Asked, wish_of
from bot.language import tr, weekdays

if TYPE_CHECKING:
    from bot.gateway.setup import SetupView

Interaction = discord.Interaction[Any]
_LONGEST = 500


class TimesAndLimits(AnsweringModal):
    """A draft's modal; an instant subscription has no times."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: SetupView) -> None:
        super().__init__(title=tr("Times and limits"), custom_id=draft.custom_id("limits"))
        self.draft = draft
        wish, names = draft.wish, weekdays()
        self.at = _text(tr("Times of day"), "9:00, 18:30", ", ".join(f"{clock:%H:%M}" for clock in wish.times))
        self.on = _text(tr("Days"), tr("mon-fri, or Sat"), ", ".join(names[day] for day in wish.days))
        self.timezone = _text(tr("Time zone"), "Europe/Berlin", wish.timezone)
        self.without = _text(tr("Leave out topics or words"), tr("Gossip, rumour"), ", ".join(wish.without))
        self.quality = _text(tr("Minimum quality (0 to about 190)"), "0", str(wish.min_quality or ""))
        timed = [self.at, self.on, self.timezone] if wish.when is not When.INSTANT else []
        self.asked = [*timed, self.without, self.quality]
        for label in self.asked:
            self.add_item(label)

    async def on_submit(self, interaction: Interaction, /) -> None:
        quality = _typed(self.quality)
        if quality and not quality.isdecimal():
            raise UserError(tr("The minimum quality is a whole number, such as 60."))
        asked = Asked(
            at=_typed(self.at) if self.at in self.asked else None,
            on=_typed(self.on) if self.on in self.asked else None,
            timezone=_typed(self.timezone) if self.timezone in self.asked else None,
            without=_typed(self.without) or "none",
            min_quality=min(int(quality or 0), 1000),
        )
        # The fields are prefilled with the current values, so an empty one clears its value.
        self.draft.wish = wish_of(asked, replace(self.draft.wish, times=(), days=()))
        self.draft.zone = asked.timezone or ""
        await self.draft.draw(interaction)


def _text(label: str, example: str, value: str) -> discord.ui.Label[Any]:
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        required=False, placeholder=example, default=value[:_LONGEST], max_length=_LONGEST
    )
    return discord.ui.Label(text=label, component=field)


def _typed(label: discord.ui.Label[Any]) -> str:
    field = label.component
    return field.value.strip() if isinstance(field, discord.ui.TextInput) else ""
