"""The desk's form for a card's title, excerpt, picture and topics in one server."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Self

import discord

from bot.cards.model import CardState
from bot.cards.text import clean_text, normalize_name
from bot.cards.urls import InvalidUrlError, is_svg, sanitize_url
from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem, ErrorReportingModal, ErrorReportingView
from bot.client.permissions import guild_id_of, require_moderator
from bot.domain.card_edit import CardFields, is_editable, revise_edit
from bot.domain.moderation import DecisionSource
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.render.card import render_card
from bot.render.card_edits import describe_edit
from bot.render.limits import EMBED_TITLE
from bot.render.moderation import done_text
from bot.store.moderation.edits import EditableCard
from bot.ui.components import arrange_rows
from bot.ui.moderation import GONE, MAX_TOPICS, ModerationResult, build_undo_button, edit_card, parse_topics

Texts = Mapping[str, str]
"""What the form holds, by field."""
MAX_EXCERPT = 2000
_MAX_INPUT = 4000
"""Discord's limit of a text input."""
_MINUTES = 14  # an ephemeral response can be edited for 15


async def start_edit(interaction: Interaction, card_id: int, source: DecisionSource) -> None:
    """Reply with the card as the server sees it, and a button that opens the form. Raises `UserError`."""
    require_moderator(interaction)
    draft = EditDraft(await _load_card(interaction, card_id), source)
    await answer_interaction(interaction, **draft.build_reply(interaction))


async def _load_card(interaction: Interaction, card_id: int) -> EditableCard:
    editable = await interaction.client.store.moderation.edits.load_card(guild_id_of(interaction), card_id)
    if editable is None:
        raise UserError(tr(GONE))
    if not is_editable(editable.card.source):
        raise UserError(tr("This card comes from a file. Change the file; every server follows it."))
    if editable.card.card.state is CardState.WITHDRAWN:
        raise UserError(tr("This card was withdrawn everywhere, so there is nothing to edit."))
    return editable


class EditDraft(ErrorReportingView):
    """A card being edited. What was typed is kept here, in memory only, until it is stored."""

    def __init__(self, editable: EditableCard, source: DecisionSource) -> None:
        super().__init__(timeout=_MINUTES * 60)
        self.editable = editable
        self.source = source
        self.texts = _to_texts(editable.seen)
        # Stable across redraws, so that a click during a redraw still finds its item.
        self.key = secrets.token_hex(4)
        self.add_item(_OpenFormButton(self))

    def build_reply(self, interaction: Interaction, content: str = "") -> dict[str, Any]:
        """Render the card with the button. `content` is what there is to say, if not what editing means."""
        embed = render_card(self.editable.card, interaction.client.settings.asset_base_url)
        return {"content": content or describe_edit(self.editable.edit), "embeds": [embed], "view": self}

    async def submit_texts(self, interaction: Interaction, typed: Texts) -> None:
        """Store what was typed. If that is refused, say why, and keep it for the form."""
        self.texts = typed
        try:
            result = await self._store_texts(interaction)
        except UserError as error:
            await self._follow_card(interaction)
            kept = tr("Your text is kept. Press **Edit…** to continue.")
            await answer_interaction(interaction, **self.build_reply(interaction, f"{error}\n{kept}"))
            return
        self.stop()
        await show_edited(interaction, await _load_card(interaction, self.editable.card.id), result)

    async def _store_texts(self, interaction: Interaction) -> ModerationResult:
        before = self.editable
        wanted = await self._parse_fields(interaction)
        edit = revise_edit(before.edit, before.original, before.seen, wanted)
        return await edit_card(interaction, before, edit, self.source)

    async def _parse_fields(self, interaction: Interaction) -> CardFields:
        """Parse the form; a field that was left alone is as it was, whatever it holds. Raises `UserError`."""
        seen = self.editable.seen
        shown = _to_texts(seen)
        changed = {name: text for name, text in self.texts.items() if text.strip() != shown[name].strip()}
        problems: list[str] = []
        fields: dict[str, Any] = {name: getattr(seen, name) for name in shown}
        for name, text in changed.items():
            try:
                fields[name] = _PARSERS[name](text)
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError("\n".join(problems))
        if "topics" in changed:
            edits = interaction.client.store.moderation.edits
            of_card = {normalize_name(name): name for name in (*seen.topics, *self.editable.original.topics)}
            names = tuple(of_card.get(normalize_name(name), name) for name in fields["topics"])
            fields["topics"] = await edits.known_topics(guild_id_of(interaction), names)
        return CardFields(**fields)

    async def _follow_card(self, interaction: Interaction) -> None:
        """If somebody else has edited the card meanwhile, put what was typed on top of that."""
        before, self.editable = self.editable, await _load_card(interaction, self.editable.card.id)
        then, now = _to_texts(before.seen), _to_texts(self.editable.seen)
        self.texts = {name: now[name] if text == then[name] else text for name, text in self.texts.items()}


def _to_texts(fields: CardFields) -> Texts:
    texts = {
        "title": fields.title,
        "excerpt": fields.excerpt,
        "image_url": fields.image_url,
        "topics": ", ".join(fields.topics),
    }
    return {name: text[:_MAX_INPUT] for name, text in texts.items()}


def _parse_title(text: str) -> str:
    title = clean_text(text)
    if not title:
        raise UserError(tr("A card needs a title."))
    if len(title) > EMBED_TITLE:
        raise UserError(tr("A title has at most {most} characters.", most=EMBED_TITLE))
    return title


def _parse_excerpt(text: str) -> str:
    excerpt = clean_text(text)
    if len(excerpt) > MAX_EXCERPT:
        raise UserError(tr("An excerpt has at most {most} characters.", most=MAX_EXCERPT))
    return excerpt


def _parse_picture(text: str) -> str:
    if not text.strip():
        return ""
    try:
        address = sanitize_url(text)
    except InvalidUrlError:
        raise UserError(
            tr("The picture needs a full public address, such as `https://example.org/picture.png`.")
        ) from None
    if is_svg(address):
        raise UserError(tr("Discord doesn't show SVG pictures. Use a PNG, JPEG, GIF or WebP."))
    return address


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "title": _parse_title,
    "excerpt": _parse_excerpt,
    "image_url": _parse_picture,
    "topics": parse_topics,
}


class _OpenFormButton(ErrorReportingItem, discord.ui.Button["EditDraft"]):
    """Opens the form, filled with what was typed so far."""

    acknowledgement = Acknowledgement.FORM

    def __init__(self, draft: EditDraft) -> None:
        super().__init__(custom_id=f"nd:form:{draft.key}", label=tr("Edit…"), style=discord.ButtonStyle.primary)
        self.draft = draft

    def build_form(self, interaction: Interaction) -> EditModal:
        require_moderator(interaction)
        return EditModal(self.draft)


class EditModal(ErrorReportingModal):
    """Asks for the fields of a card."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, draft: EditDraft) -> None:
        super().__init__(title=tr("Edit a card"))
        self.draft = draft
        self.inputs: dict[str, discord.ui.TextInput[Any]] = {}
        for name, (label, hint, most) in _INPUTS.items():
            text = draft.texts[name]
            paragraph = name == "excerpt"
            self.inputs[name] = discord.ui.TextInput(
                style=discord.TextStyle.paragraph if paragraph else discord.TextStyle.short,
                required=name == "title",
                default=text or None,
                max_length=max(most, len(text)),
            )
            description = tr(hint, most=MAX_TOPICS) if hint else None
            self.add_item(discord.ui.Label(text=tr(label), description=description, component=self.inputs[name]))

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        require_moderator(interaction)
        await self.draft.submit_texts(interaction, {name: field.value for name, field in self.inputs.items()})


_INPUTS = {
    "title": (tr_noop("Title"), "", EMBED_TITLE),
    "excerpt": (tr_noop("Excerpt"), "", MAX_EXCERPT),
    "image_url": (tr_noop("Picture"), tr_noop("Its address, https://…; empty for none"), 2048),
    "topics": (tr_noop("Topics"), tr_noop("Up to {most}, separated by commas"), 1000),
}
"""Label, hint and maximum characters."""


async def show_edited(interaction: Interaction, editable: EditableCard, result: ModerationResult) -> None:
    """Show the card as it is now, with what was done and a way back."""
    embed = render_card(editable.card, interaction.client.settings.asset_base_url)
    text, view = (
        done_text(editable.card, result.entry, result.note),
        arrange_rows([build_undo_button([result.entry.id])]),
    )
    await answer_interaction(interaction, text, embeds=[embed], view=view)


class EditButton(
    ErrorReportingItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"nd:edit:(?P<card>\d{1,10})"
):
    """Starts to edit a card."""

    def __init__(self, card_id: int, label: str = "") -> None:
        super().__init__(discord.ui.Button(label=label or tr("Edit"), custom_id=f"nd:edit:{card_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def handle_click(self, interaction: Interaction) -> None:
        await start_edit(interaction, self.card_id, DecisionSource.BUTTON)
