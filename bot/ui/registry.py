"""All that the bot shows and answers, for `bot.app` to hand to the client."""

from __future__ import annotations

from bot.client.bot import Components, Interaction
from bot.ui.card_buttons import CARD_BUTTONS
from bot.ui.card_pages import PAGES
from bot.ui.feeds import lost_preview_text
from bot.ui.greeting import SetupButton, build_greeting
from bot.ui.links import TellButton, lost_link_text
from bot.ui.moderation_pages import QUEUE_ITEMS
from bot.ui.owner_actions import AcceptWithdrawalsButton
from bot.ui.pagination import PageButton
from bot.ui.privacy import EraseButton
from bot.ui.review_message import REVIEW_ITEMS
from bot.ui.share_button import ShareButton
from bot.ui.subscription_wizard import lost_draft_text

_LOST = (lost_draft_text, lost_preview_text, lost_link_text)


def describe_lost(interaction: Interaction) -> str:
    """Return the notice for a component of something that was kept in memory and is gone; empty for any other."""
    return next(filter(None, (describe(interaction) for describe in _LOST)), "")


COMPONENTS = Components(
    items=(
        *CARD_BUTTONS,
        *REVIEW_ITEMS,
        *QUEUE_ITEMS,
        PageButton,
        ShareButton,
        AcceptWithdrawalsButton,
        EraseButton,
        TellButton,
        SetupButton,
    ),
    pages=PAGES,
    expired_text=describe_lost,
    build_greeting=build_greeting,
)
