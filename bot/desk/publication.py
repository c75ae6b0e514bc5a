"""Who sees a card: the one rule, in words of Python. `bot.store.visibility` says the same in SQL."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from bot.cards.model import HeldReason, State
from bot.language import marked, tr

EVERYWHERE = 0
"""In the place of a server: what the bot's owners decide for all of them."""


class Verdict(enum.StrEnum):
    """What was decided on a card. The words are those of `State`, whose place a verdict takes."""

    PUBLISH = "published"
    WITHDRAW = "withdrawn"

    @classmethod
    def of_state(cls, state: State) -> Verdict | None:
        """The verdict that a state amounts to; None for a held card."""
        return None if state is State.HELD else cls(state.value)


class Source(enum.StrEnum):
    """How a decision was said."""

    COMMAND = "command"
    BUTTON = "button"
    FILE = "file"
    """The card's own file changed: nobody's decision, but it stands in the log."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on one card. It binds the moderator's own server, or all of them (`EVERYWHERE`).

    `only` are the subscriptions that get the card, whatever their topics and quality; None for all that match.
    """

    guild_id: int
    card_id: int
    verdict: Verdict
    decided_by: int
    decided_at: datetime
    reason: str = ""
    only: tuple[int, ...] | None = None


def ruled(filed: State, ruling: Verdict | None) -> State:
    """A card's state where no server decided: a take-down in its file, then the owners' word, then its file's."""
    if filed is State.WITHDRAWN or ruling is None:
        return filed
    return State(ruling.value)


def is_visible(state: State, verdict: Verdict | None) -> bool:
    """A take-down binds everyone; then the server's verdict counts, then the card's own state (`ruled`)."""
    if state is State.WITHDRAWN:
        return False
    return verdict is Verdict.PUBLISH if verdict else state is State.PUBLISHED


def standing(
    state: State, held_reason: HeldReason | None, verdict: Verdict | None, ruling: Verdict | None = None
) -> str:
    """A card's standing in a server, in words for a moderator."""
    if state is State.WITHDRAWN:
        by_owners = ruling is Verdict.WITHDRAW
        return tr("Withdrawn everywhere by the bot's owners") if by_owners else tr("Withdrawn by its source")
    if verdict is Verdict.PUBLISH:
        return tr("Published by a moderator")
    if verdict is Verdict.WITHDRAW:
        return tr("Withdrawn by a moderator")
    if state is State.PUBLISHED:
        return tr("Published everywhere by the bot's owners") if ruling else tr("Published")
    return tr(_HELD[held_reason])


_HELD = {
    HeldReason.COVERED: marked("Held: already covered by another card"),
    HeldReason.UNSCORED: marked("Held: not scored yet"),
    HeldReason.BELOW_BAR: marked("Held: below the producer's bar"),
    None: marked("Held"),
}
