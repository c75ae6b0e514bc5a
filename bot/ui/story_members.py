"""Who else has the stories of listed cards."""

from __future__ import annotations

from collections.abc import Sequence

from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of
from bot.render.card_list import format_others
from bot.store.cards.rows import StoredCard


async def load_others(interaction: Interaction, cards: Sequence[StoredCard]) -> dict[int, str]:
    """Return words on who else has each card's story, by card id; cards that are alone are left out."""
    repository = interaction.client.store.cards
    members = await repository.fetch_story_members([card.id for card in cards], guild_id_of(interaction))
    return {card.id: format_others(card, members[card.id]) for card in cards if card.id in members}
