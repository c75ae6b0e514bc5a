"""Cards to render: made by hand, read from the samples, or made up by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from bot.cards.model import Card, Image, Provider, RelatedArticle
from bot.cards.parser import parse_card
from bot.store.cards.rows import StoredCard

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "data" / "cards"
CORPUS = ROOT.parent / "shared" / "corpus"
PICTURES = "https://pictures.example/site"
MOMENT = datetime(2024, 3, 29, 15, 30, tzinfo=UTC)


def make_card(**changes: Any) -> StoredCard:
    fields: dict[str, Any] = {"slug": "a-card", "title": "A card", "published_at": MOMENT} | changes
    return StoredCard(1, 1, "revision", Card(**fields))


def make_related(count: int, **changes: Any) -> tuple[RelatedArticle, ...]:
    fields = {"title": "Other view {}", "url": "https://other.example/{}", "provider": "Other {}"} | changes
    return tuple(RelatedArticle(**{name: text.format(i) for name, text in fields.items()}) for i in range(count))


def read_stored_card(path: Path) -> StoredCard | None:
    found = parse_card(path.read_bytes(), file=path.name, slug=path.stem).card
    return StoredCard(1, 1, "revision", found) if found else None


_TRICKY = st.sampled_from([
    "@everyone", "@here", "<@1>", "<@!22>", "<@&333>", "<#4>", "<t:1700000000:R>", "<:name:123>", "<a:name:123>",
    "</command:1>", "<id:customize>", "# ", "## head", "-# small", "- item", "1. one", "> quote", ">>> all",
    "||spoiler||", "**bold**", "__under__", "~~gone~~", "`code`", "```py\n", "[label](https://evil.example)",
    "https://cdn.example/a_b_c", ":smile:", "\\", "\n", "\\*", "👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "#️⃣", "e\u0301\u0323",
    "ا\u064e\u0644", "שלום", "\u200f", "\u0600,", "ൎ ", "漢字" * 20, " ", "word, " * 12, "\x1b[31m",
    "[red]rich[/red]", ":warning:",
])  # fmt: skip
ANY_TEXT = st.lists(st.one_of(_TRICKY, st.text(max_size=40)), max_size=12).map("".join)
LONG_TEXT = st.one_of(ANY_TEXT, st.tuples(ANY_TEXT, st.integers(1, 60)).map(lambda pair: pair[0] * pair[1]))
_PATHS = st.text("abc/()_*~@:-%20'#", max_size=60)
URLS = st.one_of(
    _PATHS.map(lambda path: f"https://news.example/{path}"),
    st.integers(0, 2000).map(lambda length: "https://news.example/" + "x_" * (length // 2)),
)
_STORIES = st.lists(st.builds(RelatedArticle, title=LONG_TEXT, url=URLS, provider=ANY_TEXT), max_size=6).map(tuple)
FILED = st.builds(
    make_card,
    title=LONG_TEXT,
    excerpt=LONG_TEXT,
    url=st.none() | URLS,
    type=st.sampled_from(["article", "video"]),
    provider=st.none() | st.builds(Provider, name=LONG_TEXT, icon=st.none() | URLS | st.just("/icon.png")),
    topics=st.lists(ANY_TEXT, max_size=4).map(tuple),
    image=st.none() | st.builds(Image, url=URLS | st.just("/picture.jpg")),
    related=_STORIES | st.integers(0, 179).map(make_related),
)
