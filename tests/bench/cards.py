"""Made-up cards of a real card's size and shape, the same ones at every run."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta

from bot.cards.model import Card, CardState, HeldReason, Provider, RelatedArticle

START = datetime(2019, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=7 * 365)
HELD_SHARE = 0.6

_ROOTS = "net lab quan tum astro bio cyber data edge geo helio info kine lumi macro nano opti photo robo syn tele ultra"
_ENDS = "core flow graph grid ics ist ity logy mark metry node phase point scope sphere tion tron ware wave yard"
_JOINED = [root + end for root in _ROOTS.split() for end in _ENDS.split()]
WORDS = random.Random(0).sample(_JOINED, len(_JOINED))
COMMON = [
    "the",
    "of",
    "and",
    "to",
    "new",
    "in",
    "for",
    "with",
    "on",
    "report",
    "says",
    "launch",
    "data",
    "market",
    "today",
    "company",
    "update",
    "system",
    "team",
    "world",
]
TOPICS = [f"{root.title()} {end.title()}" for root in _ROOTS.split()[:20] for end in _ENDS.split()[:15]]
PROVIDERS = [f"{root.title()}{end} News" for root in _ROOTS.split() for end in _ENDS.split()]
RARE_TOPIC, RARE_WORD = "Palimpsests", "palimpsest"


def make_random(number: int) -> random.Random:
    """The dice of one card."""
    return random.Random(number)


def make_sentence(dice: random.Random, length: int) -> str:
    """Common words often, the others by a long tail."""
    rest = len(WORDS)
    words = [
        dice.choice(COMMON) if dice.random() < 0.4 else WORDS[min(int(dice.paretovariate(0.6)), rest) - 1]
        for _ in range(length)
    ]
    return " ".join(words).capitalize()


def pick_topic(dice: random.Random) -> str:
    return TOPICS[min(int(dice.paretovariate(0.7)), len(TOPICS)) - 1]


def pick_moment(dice: random.Random) -> datetime:
    return START + timedelta(seconds=int(dice.random() * SPAN.total_seconds()))


def make_card(number: int) -> Card:
    dice = make_random(number)
    rare = number % 20_000 == 7
    held = dice.random() < HELD_SHARE
    return Card(
        slug=f"{number % 100}/card-{number}",
        title=make_sentence(dice, 10) + (f" {RARE_WORD}" if rare else ""),
        published_at=pick_moment(dice),
        excerpt=make_sentence(dice, 30),
        url=f"https://news.example/{number}",
        quality=dice.randrange(20, 120),
        heat=dice.randrange(20, 200),
        state=CardState.HELD if held else CardState.PUBLISHED,
        held_reason=HeldReason.BELOW_BAR if held else None,
        type="video" if number % 20 == 0 else "article",
        provider=Provider(dice.choice(PROVIDERS), "news.example"),
        topics=(*{pick_topic(dice) for _ in range(2)}, *((RARE_TOPIC,) if rare else ())),
        related=tuple(RelatedArticle(make_sentence(dice, 9), f"https://b.example/{number}/{n}", "B") for n in range(3)),
        aliases=(f"news.example/{number}",),
    )


def make_file(number: int) -> str:
    """A card file of about 3 KB."""
    dice = make_random(number)
    stories = "".join(_make_story(dice, number, place) for place in range(dice.randrange(1, 5)))
    secured = base64.b64encode(dice.randbytes(525)).decode()
    provider = dice.choice(PROVIDERS)
    topics = "".join(f"  - {pick_topic(dice)}\n" for _ in range(dice.randrange(1, 4)))
    heat = dice.randrange(20, 200)
    return f"""---
category: news
title: "{make_sentence(dice, 11)}"
excerpt: "{make_sentence(dice, 34)} – “{make_sentence(dice, 5)}” ..."
publishedDateTime: {pick_moment(dice):%Y-%m-%dT%H:%M:%SZ}
webUrl: "https://{provider.split()[0].lower()}.example/{number}/{"-".join(make_sentence(dice, 8).lower().split())}"
ampWebUrl: "https://amp.{provider.split()[0].lower()}.example/{number}"
type: article
quality: {dice.randrange(20, 120)}
heat: {heat}
published: {"true" if heat >= 70 else "false"}

provider:
  name: {provider}
  domain: {provider.split()[0].lower()}.example
  images:
    - url: /assets/images/organizations/{provider.split()[0].lower()}.example-50x50.png
      width: 50
      height: 50

topics:
{topics}
images:
  - url: "https://images.example/{number}/{dice.getrandbits(64):x}.jpg"
    width: 1280
    height: 720
    title: "{make_sentence(dice, 6)}"
    isCached: true

related:
{stories}
secured: "{secured}"
---

"""


def _make_story(dice: random.Random, number: int, place: int) -> str:
    provider = dice.choice(PROVIDERS)
    return f"""  - title: "{make_sentence(dice, 10)}"
    excerpt: "{make_sentence(dice, 22)}"
    publishedDateTime: {pick_moment(dice):%Y-%m-%dT%H:%M:%SZ}
    webUrl: "https://{provider.split()[0].lower()}.example/{number}/{place}"
    type: article
    provider:
      name: {provider}
      domain: {provider.split()[0].lower()}.example
    quality: {dice.randrange(20, 120)}
    images:
      - url: "https://images.example/{number}/{place}.jpg"
        width: 640
        height: 480
        isCached: true
"""
