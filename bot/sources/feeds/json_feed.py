"""Read a JSON Feed (versions 1 and 1.1, https://www.jsonfeed.org). A value of the wrong type counts as missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from bot.cards.card_builder import MAX_NAME
from bot.cards.text import clean_text
from bot.sources.feeds.html_text import resolve_link
from bot.sources.feeds.item_builder import MAX_ITEMS, RawItem, clean_language, collect_items
from bot.sources.feeds.model import DocumentError, FeedProblem, FeedReadResult, FetchedDocument, RefusalReason


def _drop_invalid(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


def _keep_valid(values: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Validate a list entry by entry, keeping those that are valid."""
    kept = []
    for value in values if isinstance(values, list) else ():
        try:
            kept += validate([value])
        except ValidationError:
            continue
    return kept


_Text = Annotated[str | None, WrapValidator(_drop_invalid)]
_Time = Annotated[datetime | None, WrapValidator(_drop_invalid)]


class _Part(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)


class _Attachment(_Part):
    url: str
    mime_type: str


class _Item(_Part):
    id: _Text = None
    url: _Text = None
    external_url: _Text = None
    title: _Text = None
    summary: _Text = None
    content_html: _Text = None
    content_text: _Text = None
    image: _Text = None
    banner_image: _Text = None
    date_published: _Time = None
    date_modified: _Time = None
    tags: Annotated[list[str], WrapValidator(_keep_valid)] = Field(default_factory=list)
    attachments: Annotated[list[_Attachment], WrapValidator(_keep_valid)] = Field(default_factory=list)


class _Feed(_Part):
    title: _Text = None
    home_page_url: _Text = None
    icon: _Text = None
    favicon: _Text = None
    language: _Text = None
    items: list[Any]


def read_json_feed(body: bytes, document: FetchedDocument) -> FeedReadResult:
    """Read a JSON Feed. Raises `DocumentError`."""
    try:
        feed = _Feed.model_validate(orjson.loads(body.decode("utf-8", "replace")))
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise DocumentError(RefusalReason.OTHER_JSON) from error
    problems = [FeedProblem.CUT] * (len(feed.items) > MAX_ITEMS)
    base = document.url
    return FeedReadResult(
        title=clean_text((feed.title or "")[: 5 * MAX_NAME])[:MAX_NAME],
        site=resolve_link(feed.home_page_url or "", base),
        icon=resolve_link(feed.icon or feed.favicon or "", base) if feed.icon or feed.favicon else None,
        language=clean_language(feed.language),
        items=collect_items(_iter_raw_items(feed, base), document.now, problems),
        problems=tuple(problems),
    )


def _iter_raw_items(feed: _Feed, base: str) -> Iterator[RawItem]:
    for value in feed.items[:MAX_ITEMS]:
        try:
            item = _Item.model_validate(value)
        except ValidationError:  # not a map
            item = _Item()
        yield _to_raw_item(item, base)


def _to_raw_item(item: _Item, base: str) -> RawItem:
    content = item.content_html or _escape_markup(item.content_text or "")
    kinds = {attachment.mime_type.partition("/")[0] for attachment in item.attachments}
    pictures = [item.image, item.banner_image]
    pictures += [each.url for each in item.attachments if each.mime_type.startswith("image/")]
    published = item.date_published or item.date_modified
    return RawItem(
        guid=item.id or "",
        title=item.title or "",
        summary=_escape_markup(item.summary or ""),
        content=content,
        base=base,
        link=item.url or item.external_url or next((each.url for each in item.attachments), ""),
        images=[(picture, 0, 0) for picture in pictures if picture],
        categories=item.tags,
        type="video" if "video" in kinds else "audio" if "audio" in kinds else "article",
        published_at=published and _to_utc(published),
    )


def _escape_markup(text: str) -> str:
    """Escape plain text as HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;") if "<" in text else text


def _to_utc(moment: datetime) -> datetime | None:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # year 1 or 9999 in a zone far from Greenwich
        return None
