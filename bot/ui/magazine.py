"""The magazine: messages of Discord's Components V2, without content and embeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import discord

from bot.render.colour import NEUTRAL, topic_colour
from bot.render.layouts.magazine import MagazineStory, render_stories
from bot.store.cards.rows import StoredCard
from bot.ui.card_buttons import SaveButton, StopButton, WhyButton

Item = discord.ui.Item[Any]


def build_magazine(
    cards: Sequence[StoredCard],
    delivery_id: int,
    pictures: str | None,
    *,
    text: str,
    colour: int | None = None,
    personal: bool = False,
    with_pictures: bool = True,
) -> discord.ui.LayoutView:
    """Build a message of stories, each with a button that saves it. Without any it is the `text` alone.

    With a `delivery_id` of 0 it is a preview, which has no buttons below.
    """
    items: list[Item] = [discord.ui.TextDisplay(text)] if text else []
    # The text stands outside of the container, where the text of an ordinary message is.
    if stories := render_stories(cards, pictures):
        accent = topic_colour(cards[0].card.topics) if colour is None else discord.Colour(colour)
        first, *more = (_build_story(story, delivery_id, with_pictures) for story in stories)
        # Without a line below it, a picture seems to belong to the next story.
        parts = [*first, *(item for story in more for item in (discord.ui.Separator(), *story))]
        items.append(discord.ui.Container(*parts, accent_colour=accent))
    if delivery_id:
        buttons = [WhyButton(delivery_id), *([StopButton(delivery_id)] if personal else [])]
        items.append(discord.ui.ActionRow(*buttons))
    return _build_layout_view(items)


def build_magazine_note(note: discord.Embed) -> discord.ui.LayoutView:
    """Build the note that takes the place of a magazine's stories."""
    text: Item = discord.ui.TextDisplay(note.description or "")
    return _build_layout_view([discord.ui.Container(text, accent_colour=NEUTRAL)])


def _build_layout_view(items: Iterable[Item]) -> discord.ui.LayoutView:
    """Create a view without timeout, and stop it at once (see `bot.ui.components`)."""
    view = discord.ui.LayoutView(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def _build_story(story: MagazineStory, delivery_id: int, with_picture: bool) -> list[Item]:
    save = SaveButton(story.card_id, delivery_id)
    section: Item = discord.ui.Section(discord.ui.TextDisplay(story.text), accessory=save)
    if not story.picture or not with_picture:
        return [section]
    # A gallery rather than a thumbnail: a section has one accessory, and that is the button.
    picture = discord.MediaGalleryItem(story.picture, description=story.alt_text)
    return [section, discord.ui.MediaGallery(picture)]
