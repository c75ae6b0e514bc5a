"""One thing that the doctor has to say."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """`error`: something does not work. `warning`: it will not, or is not safe. `note`: good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do about it; a note needs nothing done."""

    severity: Severity
    what: str
    fix: str = ""

    @property
    def is_trouble(self) -> bool:
        return self.severity is not Severity.NOTE
