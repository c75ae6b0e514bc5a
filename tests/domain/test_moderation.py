"""Who sees a card, and how its standing is put into words."""

from __future__ import annotations

import pytest

from bot.cards.model import CardState, HeldReason
from bot.domain.moderation import Verdict, describe_state, effective_state, is_visible


@pytest.mark.parametrize(
    ("state", "verdict", "visible", "words"),
    [
        (CardState.PUBLISHED, None, True, "Published"),
        (CardState.PUBLISHED, Verdict.PUBLISH, True, "Published by a moderator"),
        (CardState.PUBLISHED, Verdict.WITHDRAW, False, "Withdrawn by a moderator"),
        (CardState.HELD, None, False, "Held: not rated yet"),
        (CardState.HELD, Verdict.PUBLISH, True, "Published by a moderator"),
        (CardState.HELD, Verdict.WITHDRAW, False, "Withdrawn by a moderator"),
        (CardState.WITHDRAWN, None, False, "Withdrawn by its source"),
        (CardState.WITHDRAWN, Verdict.PUBLISH, False, "Withdrawn by its source"),
        (CardState.WITHDRAWN, Verdict.WITHDRAW, False, "Withdrawn by its source"),
    ],
)
def test_a_take_down_binds_all_then_the_server_decides_then_the_file(
    state: CardState, verdict: Verdict | None, visible: bool, words: str
) -> None:
    assert is_visible(state, verdict) is visible
    assert describe_state(state, HeldReason.UNSCORED if state is CardState.HELD else None, verdict) == words


def test_every_reason_to_hold_a_card_has_words() -> None:
    assert {describe_state(CardState.HELD, reason, None) for reason in (*HeldReason, None)} == {
        "Held: another card covers this story", "Held: not rated yet", "Held: not enough coverage yet", "Held",
        "Held: only one publisher has this story so far",
    }  # fmt: skip


@pytest.mark.parametrize("verdict", [None, *Verdict])
def test_a_followed_card_is_seen_by_nobody_without_a_row(verdict: Verdict | None) -> None:
    assert not is_visible(CardState.FOLLOWED, verdict)


def test_owners_may_withdraw_a_followed_card_and_not_publish_it_for_all() -> None:
    assert effective_state(CardState.FOLLOWED, Verdict.PUBLISH) is CardState.FOLLOWED
    assert effective_state(CardState.FOLLOWED, Verdict.WITHDRAW) is CardState.WITHDRAWN
    assert Verdict.from_state(CardState.FOLLOWED) is None
