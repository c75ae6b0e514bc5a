"""A subscription's own text above its posts: one line with placeholders."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDERS = ("heading", "date", "title", "publisher", "topics")
"""The usual heading of a digest, the day, and three facts of the first card."""
MAX_TEMPLATE = 200
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def find_unknown_placeholders(template: str) -> list[str]:
    """Return what stands in braces but is no placeholder."""
    return [name for name in _PLACEHOLDER.findall(template) if _normalize_placeholder(name) not in PLACEHOLDERS]


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """Replace the placeholders by their values, on one line. Anything else in braces stays as it is."""
    text = _PLACEHOLDER.sub(lambda match: values.get(_normalize_placeholder(match[1]), match[0]), template)
    return " ".join(text.split())


def _normalize_placeholder(name: str) -> str:
    return name.strip().casefold()
