"""The visibility rule for cards, in Python. `bot.store.cards.visibility` implements the same in SQL.

A card of a source that is not everybody's has one state for each server that follows the source, given by the policy
of that server when the card arrived there; for all others it is `CardState.FOLLOWED`, which nobody sees.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from bot.cards.model import CardState, HeldReason
from bot.i18n import tr, tr_noop

EVERYWHERE = 0
"""Pseudo guild id for decisions of the bot's owners, which apply to all servers."""


class Verdict(enum.StrEnum):
    """A decision's outcome. The values equal those of `CardState`, which a verdict overrides."""

    PUBLISH = "published"
    WITHDRAW = "withdrawn"

    @classmethod
    def from_state(cls, state: CardState) -> Verdict | None:
        """The verdict equivalent to a state; None for a held or followed card."""
        return cls(state.value) if state in (CardState.PUBLISHED, CardState.WITHDRAWN) else None


class DecisionSource(enum.StrEnum):
    """Where a decision came from."""

    COMMAND = "command"
    BUTTON = "button"
    FILE = "file"
    """The card's file changed: not a decision, but recorded in the audit log."""
    OPERATOR = "operator"
    """The bot's operator changed something outside of Discord: no decision either."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A moderator's decision on a card, for one server or all of them (`EVERYWHERE`).

    `subscription_ids` are the subscriptions that get the card regardless of their filters; None means all that match.
    """

    guild_id: int
    card_id: int
    verdict: Verdict
    decided_by: int
    decided_at: datetime
    reason: str = ""
    subscription_ids: tuple[int, ...] | None = None


def effective_state(file_state: CardState, ruling: Verdict | None) -> CardState:
    """A card's state before any server's decision: a withdrawal in its file, else the owners' ruling, else the file.

    The owners may withdraw a followed card, but not show it to servers that do not follow its source.
    """
    # The publisher withdrew it: not even the owners may bring it back.
    if file_state is CardState.WITHDRAWN or ruling is None:
        return file_state
    if file_state is CardState.FOLLOWED and ruling is Verdict.PUBLISH:
        return file_state
    return CardState(ruling.value)


def is_visible(state: CardState, verdict: Verdict | None) -> bool:
    """Whether a card is visible: a withdrawal always wins, then the server's verdict, then the state from
    `effective_state`, or for a followed card that of the server's row.

    Without a row the card is `CardState.FOLLOWED`: a decision alone shows nothing.
    """
    if state in (CardState.WITHDRAWN, CardState.FOLLOWED):
        return False
    return verdict is Verdict.PUBLISH if verdict else state is CardState.PUBLISHED


def describe_state(
    state: CardState, held_reason: HeldReason | None, verdict: Verdict | None, ruling: Verdict | None = None
) -> str:
    """Describe a card's status in a server, for moderators."""
    if state is CardState.WITHDRAWN:
        by_owners = ruling is Verdict.WITHDRAW
        return tr("Withdrawn everywhere by the bot's owners") if by_owners else tr("Withdrawn by its source")
    if verdict is Verdict.PUBLISH:
        return tr("Published by a moderator")
    if verdict is Verdict.WITHDRAW:
        return tr("Withdrawn by a moderator")
    if state is CardState.PUBLISHED:
        return tr("Published everywhere by the bot's owners") if ruling else tr("Published")
    return tr(_HELD[held_reason])


_HELD = {
    HeldReason.COVERED: tr_noop("Held: another card covers this story"),
    HeldReason.UNSCORED: tr_noop("Held: not rated yet"),
    HeldReason.BELOW_BAR: tr_noop("Held: not enough coverage yet"),
    HeldReason.UNCOVERED: tr_noop("Held: only one publisher has this story so far"),
    None: tr_noop("Held"),
}
