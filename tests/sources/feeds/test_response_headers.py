"""What servers say about time is read as it is meant, and nonsense is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.feeds.response_headers import parse_etag, parse_last_modified, parse_max_age, parse_retry_after

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({}, None),
        ({"Cache-Control": "max-age=3600"}, HOUR),
        ({"Cache-Control": 'public, MAX-AGE = "3600", must-revalidate'}, HOUR),
        ({"Cache-Control": "s-maxage=60"}, None),
        ({"Cache-Control": "no-cache, max-age=3600"}, timedelta()),
        ({"Cache-Control": "no-store"}, timedelta()),
        ({"Cache-Control": "max-age=soon"}, None),
        ({"Cache-Control": "max-age=-1"}, None),
        ({"Cache-Control": "max-age=31536000"}, timedelta(days=365)),
        ({"Cache-Control": "max-age=999999999999"}, timedelta(days=3650)),
        ({"Expires": "Mon, 30 Nov 2026 13:00:00 GMT"}, HOUR),
        ({"Expires": "Mon, 30 Nov 2026 14:00:00 GMT", "Date": "Mon, 30 Nov 2026 13:00:00 GMT"}, HOUR),
        ({"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, timedelta()),
        ({"Expires": "0"}, None),
        ({"Expires": "Mon, 30 Nov 2026 13:00:00 GMT", "Cache-Control": "max-age=60"}, timedelta(minutes=1)),
    ],
)
def test_how_long_a_response_is_fresh(headers: dict[str, str], age: timedelta | None) -> None:
    assert parse_max_age(headers, NOW) == age


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta()),
        ("Mon, 30 Nov 2026 13:00:00 GMT", HOUR),
        ("Mon, 30 Nov 2026 14:00:00 +0100", HOUR),
        ("Mon, 30 Nov 2026 11:00:00 GMT", timedelta()),
        ("315360000", timedelta(days=3650)),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
        ("Mon, 30 Nov 99999 13:00:00 GMT", None),
    ],
)
def test_how_long_a_site_wants_to_be_left_alone(text: str, span: timedelta | None) -> None:
    assert parse_retry_after({"Retry-After": text}, NOW) == span


@given(st.text() | st.text("0123456789:+-,. ()/GMTMonJanDecZ"))
def test_any_text_is_a_span_of_time_or_none(text: str) -> None:
    for span in (
        parse_retry_after({"Retry-After": text}, NOW),
        parse_max_age({"Cache-Control": text, "Expires": text}, NOW),
    ):
        assert span is None or timedelta() <= span <= timedelta(days=3650)
    assert parse_last_modified({"Last-Modified": text}) in ("", text.strip())


def test_validators_that_could_not_be_sent_back_are_none() -> None:
    assert parse_etag({"ETag": '"a b"'}) == ""
    assert parse_etag({"ETag": f'"{"x" * 600}"'}) == ""
    assert parse_etag({"ETag": ' W/"x" '}) == 'W/"x"'
    assert parse_last_modified({"Last-Modified": "yesterday"}) == ""
    assert parse_last_modified({}) == ""
