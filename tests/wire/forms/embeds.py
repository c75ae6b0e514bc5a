"""The limits of embeds, from Discord's documentation: per field, and 6,000 characters over all embeds of a
message.
"""

from datetime import datetime
from typing import Any

from tests.wire.errors import Json
from tests.wire.forms.report import FormReport, Path, field_names

MOST_EMBEDS = 10
_MOST_CHARACTERS = 6000
_EMBED = field_names(
    "title type description url timestamp color footer image thumbnail video provider author fields flags"
)
_MEDIA = field_names("url proxy_url width height content_type placeholder placeholder_version description flags")
_FOOTER = frozenset({"text", "icon_url", "proxy_icon_url"})
_AUTHOR = frozenset({"name", "url", "icon_url", "proxy_icon_url"})
_FIELD = frozenset({"name", "value", "inline"})
_VISIBLE = ("title", "description", "fields", "author", "footer", "image", "thumbnail")
_MEDIA_SCHEMES = ("http", "https", "attachment")


def check_embeds(report: FormReport, value: Any) -> list[Json]:
    """The embeds as they are kept: with ``type`` filled in and media marked as Discord's proxy would serve
    them.
    """
    total = 0
    kept: list[Json] = []
    for index, raw in enumerate(report.check_sequence(("embeds",), value, MOST_EMBEDS)):
        embed = report.check_mapping(("embeds", index), raw)
        if embed is not None:
            total += _check_embed(report, ("embeds", index), embed)
            kept.append(embed | {"type": "rich"})
    if total > _MOST_CHARACTERS:
        message = f"Embed size exceeds maximum size of {_MOST_CHARACTERS}"
        report.add_error(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", message)
    return kept


def _check_embed(report: FormReport, path: Path, embed: Json) -> int:
    report.check_known(path, embed, _EMBED)
    if not any(embed.get(part) for part in _VISIBLE):
        report.add_required((*path, "description"))
    total = _check_length(report, path, embed, "title", 256) + _check_length(report, path, embed, "description", 4096)
    if embed.get("url") is not None:
        report.check_url((*path, "url"), embed["url"])
    if embed.get("color") is not None:
        report.check_integer((*path, "color"), embed["color"], 0xFFFFFF)
    if embed.get("timestamp") is not None:
        _check_timestamp(report, (*path, "timestamp"), embed["timestamp"])
    for part in ("image", "thumbnail"):
        _check_media(report, (*path, part), embed.get(part))
    total += _check_named(report, (*path, "author"), embed.get("author"), "name", 256, _AUTHOR)
    total += _check_named(report, (*path, "footer"), embed.get("footer"), "text", 2048, _FOOTER)
    return total + _check_fields(report, (*path, "fields"), embed.get("fields"))


def _check_length(report: FormReport, path: Path, form: Json, name: str, most: int) -> int:
    value = form.get(name)
    return 0 if value is None else len(report.check_text((*path, name), value, most))


def _check_timestamp(report: FormReport, path: Path, value: Any) -> None:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        report.add_error(path, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")


def _check_media(report: FormReport, path: Path, value: Any) -> None:
    media = None if value is None else report.check_mapping(path, value)
    if media is None:
        return
    report.check_known(path, media, _MEDIA)
    if not media.get("url"):
        report.add_required((*path, "url"))
    else:
        report.check_url((*path, "url"), media["url"], _MEDIA_SCHEMES)


def _check_named(report: FormReport, path: Path, value: Any, name: str, most: int, names: frozenset[str]) -> int:
    """An author or a footer: a text that must be there, and links that may be."""
    form = None if value is None else report.check_mapping(path, value)
    if form is None:
        return 0
    report.check_known(path, form, names)
    if form.get("url") is not None:
        report.check_url((*path, "url"), form["url"])
    if form.get("icon_url") is not None:
        report.check_url((*path, "icon_url"), form["icon_url"], _MEDIA_SCHEMES)
    if form.get(name) is None:
        report.add_required((*path, name))
        return 0
    return len(report.check_text((*path, name), form[name], most, least=1))


def _check_fields(report: FormReport, path: Path, value: Any) -> int:
    total = 0
    for index, raw in enumerate([] if value is None else report.check_sequence(path, value, 25)):
        field = report.check_mapping((*path, index), raw)
        if field is None:
            continue
        report.check_known((*path, index), field, _FIELD)
        for name, most in (("name", 256), ("value", 1024)):
            if field.get(name) is None:
                report.add_required((*path, index, name))
            else:
                total += len(report.check_text((*path, index, name), field[name], most, least=1))
        if "inline" in field:
            report.check_bool((*path, index, "inline"), field["inline"])
    return total
