"""Stories with room for their text, the first of them with large pictures. Drawn by `bot.ui.magazine`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.cards.urls import resolve_asset_url
from bot.i18n import tr_noop
from bot.render.card import SEPARATOR, format_headline, publishers_text
from bot.render.card_list import fair_share
from bot.render.layouts.headline import link_headline, list_facts
from bot.render.layouts.layout import fill_messages
from bot.render.limits import DISPLAYED_TEXT, MEDIA_DESCRIPTION, count_units
from bot.render.markdown import fit_escaped, fit_plain
from bot.store.cards.rows import StoredCard

HEADER = 600
"""Characters for the text above the stories."""
_STORIES = 8
"""Maximum per message: each takes four of Discord's 40 components, and one more if it has a picture."""
_ROOM = DISPLAYED_TEXT - HEADER
_PICTURES = 3
_EXCERPT, _SHORTEST_EXCERPT = 300, 40
_TITLE_MARK, _SMALL_MARK = "### ", "-# "


@dataclass(frozen=True, slots=True)
class MagazineStory:
    """A story: its text as Markdown, and the URL of its picture, if it has one, with a description."""

    card_id: int
    text: str
    picture: str | None
    alt_text: str


class MagazineLayout:
    """Up to eight stories. Sizes are in UTF-16 units, and without excerpts, which get the room that is left."""

    description = tr_noop("magazine: excerpts, Save buttons and large pictures")
    needs_sizes = True

    def measure_card(self, card: StoredCard) -> int:
        return count_units(_format_story(card))

    def split_cards(self, sizes: Sequence[int]) -> list[int]:
        return fill_messages(sizes, _ROOM, _STORIES)


def render_stories(cards: Sequence[StoredCard], pictures: str | None) -> list[MagazineStory]:
    """Render one message's stories. `pictures` is the base URL of site-relative images."""
    shown = cards[:_STORIES]
    sizes = [count_units(_format_story(card)) for card in shown]
    # The cards may have grown since they were divided into messages.
    share = fair_share(sizes, _ROOM)
    spare = (_ROOM - sum(min(size, share) for size in sizes)) // max(len(shown), 1)
    return [
        MagazineStory(
            card.id,
            _format_story(card, DISPLAYED_TEXT if size <= share else share, spare),
            _find_picture(card, pictures) if place < _PICTURES else None,
            fit_plain(format_headline(card.card), MEDIA_DESCRIPTION),
        )
        for place, (card, size) in enumerate(zip(shown, sizes, strict=True))
    ]


def _format_story(stored: StoredCard, room: int = DISPLAYED_TEXT, excerpt_room: int = 0) -> str:
    """Format headline and facts within the `room`, and between them the excerpt within its own."""
    facts = _SMALL_MARK + SEPARATOR.join(list_facts(stored, publishers_text(stored.publishers)))
    title = link_headline(stored.card, room - count_units(f"{_TITLE_MARK}\n{facts}"))
    excerpt = " ".join(stored.card.excerpt.split()) if excerpt_room > _SHORTEST_EXCERPT else ""
    text = fit_escaped(excerpt, min(_EXCERPT, excerpt_room - 1))
    return "\n".join(filter(None, (f"{_TITLE_MARK}{title}", text, facts)))


def _find_picture(stored: StoredCard, pictures: str | None) -> str | None:
    return resolve_asset_url(stored.card.image.url, pictures) if stored.card.image else None
