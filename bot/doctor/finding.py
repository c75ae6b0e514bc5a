"""Findings of the doctor."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """`error`: something does not work. `warning`: it will fail or is unsafe. `note`: good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding and its fix; a note needs none."""

    severity: Severity
    what: str
    fix: str = ""

    @property
    def is_trouble(self) -> bool:
        return self.severity is not Severity.NOTE
