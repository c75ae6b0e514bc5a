"""All that the bot shows and answers, for `bot.app` to hand to the client."""

from __future__ import annotations

from bot.client.bot import Components
from bot.ui.card_buttons import CARD_BUTTONS
from bot.ui.card_pages import PAGES
from bot.ui.moderation_pages import QueueButton
from bot.ui.owner_actions import AcceptWithdrawalsButton
from bot.ui.pagination import PageButton
from bot.ui.privacy import EraseButton
from bot.ui.review_message import REVIEW_ITEMS
from bot.ui.share_button import ShareButton
from bot.ui.subscription_wizard import lost_draft_text

COMPONENTS = Components(
    items=(
        *CARD_BUTTONS,
        *REVIEW_ITEMS,
        QueueButton,
        PageButton,
        ShareButton,
        AcceptWithdrawalsButton,
        EraseButton,
    ),
    pages=PAGES,
    expired_text=lost_draft_text,
)
