"""Who sees a card, and how its standing is put into words."""

from __future__ import annotations

import pytest

from bot.cards.model import HeldReason, State
from bot.desk.publication import Verdict, is_visible, standing


@pytest.mark.parametrize(
    ("state", "verdict", "visible", "words"),
    [
        (State.PUBLISHED, None, True, "Published"),
        (State.PUBLISHED, Verdict.PUBLISH, True, "Published by a moderator"),
        (State.PUBLISHED, Verdict.WITHDRAW, False, "Withdrawn by a moderator"),
        (State.HELD, None, False, "Held: not scored yet"),
        (State.HELD, Verdict.PUBLISH, True, "Published by a moderator"),
        (State.HELD, Verdict.WITHDRAW, False, "Withdrawn by a moderator"),
        (State.WITHDRAWN, None, False, "Withdrawn by its source"),
        (State.WITHDRAWN, Verdict.PUBLISH, False, "Withdrawn by its source"),
        (State.WITHDRAWN, Verdict.WITHDRAW, False, "Withdrawn by its source"),
    ],
)
def test_a_take_down_binds_all_then_the_server_decides_then_the_file(
    state: State, verdict: Verdict | None, visible: bool, words: str
) -> None:
    assert is_visible(state, verdict) is visible
    assert standing(state, HeldReason.UNSCORED if state is State.HELD else None, verdict) == words


def test_every_reason_to_hold_a_card_has_words() -> None:
    assert {standing(State.HELD, reason, None) for reason in (*HeldReason, None)} == {
        "Held: already covered by another card", "Held: not scored yet", "Held: below the producer's bar", "Held",
    }  # fmt: skip
