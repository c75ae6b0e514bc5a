"""Decode documents whose encoding is labelled wrongly, or not at all."""

from __future__ import annotations

import codecs
import re

_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
    (b"{\0", "utf-16-le"),
    (b"\0{", "utf-16-be"),
)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def to_ascii_superset(body: bytes) -> bytes:
    """Convert UTF-16 and UTF-32 to UTF-8 and remove a byte order mark, so that ASCII characters are themselves."""
    for mark, encoding in _WIDE:
        if body.startswith(mark):
            text = body.decode(encoding, "replace")
            return _DECLARATION.sub("", text).encode()  # it names the encoding that was
    return body.removeprefix(codecs.BOM_UTF8)


_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta\b[^>]{0,200}\bcharset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_META_WITHIN = 4096


def decode_html(body: bytes, content_type: str) -> str:
    """Decode a page or its beginning: as UTF-8, by its header, by its `<meta>`, or else as windows-1252."""
    body = to_ascii_superset(body)
    header, meta = _CHARSET.search(content_type), _META_CHARSET.search(body, 0, _META_WITHIN)
    named = [header[1]] if header else []
    named += [meta[1].decode()] if meta else []
    for encoding in ("utf-8", *named):  # a longer text that decodes as UTF-8 is UTF-8, whatever the labels say
        try:
            # Incremental, because the end of a beginning may be half a character.
            return codecs.getincrementaldecoder(encoding)().decode(body)
        except (LookupError, UnicodeError, AttributeError):
            continue
    return body.decode("windows-1252", "replace")
