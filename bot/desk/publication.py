"""The visibility rule for cards, in Python. `bot.store.visibility` implements the same in SQL."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from bot.cards.model import HeldReason, State
from bot.language import marked, tr

EVERYWHERE = 0
"""Pseudo guild id for decisions of the bot's owners, which apply to all servers."""


class Verdict(enum.StrEnum):
    """A decision's outcome. The values equal those of `State`, which a verdict overrides."""

    PUBLISH = "published"
    WITHDRAW = "withdrawn"

    @classmethod
    def of_state(cls, state: State) -> Verdict | None:
        """The verdict equivalent to a state; None for a held card."""
        return None if state is State.HELD else cls(state.value)


class Source(enum.StrEnum):
    """Where a decision came from."""

    COMMAND = "command"
    BUTTON = "button"
    FILE = "file"
    """The card's file changed: not a decision, but recorded in the audit log."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A moderator's decision on a card, for one server or all of them (`EVERYWHERE`).

    `only` are the subscriptions that get the card regardless of their filters; None means all that match.
    """

    guild_id: int
    card_id: int
    verdict: Verdict
    decided_by: int
    decided_at: datetime
    reason: str = ""
    only: tuple[int, ...] | None = None


def ruled(filed: State, ruling: Verdict | None) -> State:
    """A card's state before any server's decision: a withdrawal in its file, else the owners' ruling, else the file."""
    if filed is State.WITHDRAWN or ruling is None:
        return filed
    return State(ruling.value)


def is_visible(state: State, verdict: Verdict | None) -> bool:
    """Whether a card is visible: a withdrawal always wins, then the server's verdict, then the state from `ruled`."""
    if state is State.WITHDRAWN:
        return False
    return verdict is Verdict.PUBLISH if verdict else state is State.PUBLISHED


def standing(
    state: State, held_reason: HeldReason | None, verdict: Verdict | None, ruling: Verdict | None = None
) -> str:
    """Describe a card's status in a server, for moderators."""
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
