"""Quality and heat in words: what readers see instead of numbers."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.heat import HEAT_PER_PUBLISHER, HeatLevel, QualityLevel, heat_level, quality_level
from bot.i18n import tr, tr_noop

HEAT_WORDS: Mapping[HeatLevel, str] = {
    HeatLevel.CALM: tr_noop("calm"),
    HeatLevel.WARM: tr_noop("warm"),
    HeatLevel.HOT: tr_noop("hot"),
    HeatLevel.VERY_HOT: tr_noop("very hot"),
}
QUALITY_WORDS: Mapping[QualityLevel, str] = {
    QualityLevel.LOW: tr_noop("low"),
    QualityLevel.FAIR: tr_noop("fair"),
    QualityLevel.GOOD: tr_noop("good"),
    QualityLevel.EXCELLENT: tr_noop("excellent"),
}


def heat_text(heat: float) -> str:
    """Return a heat in a word or two."""
    return tr(HEAT_WORDS[heat_level(heat)])


def quality_text(quality: float) -> str:
    """Return a quality in a word."""
    return tr(QUALITY_WORDS[quality_level(quality)])


def scale_text() -> str:
    """Explain the numbers of quality and heat in one line."""
    return tr(
        "Quality goes from 0 to about 190. Heat is quality plus {step} for each other publisher of the story, "
        "unless the card's file sets it.",
        step=HEAT_PER_PUBLISHER,
    )
