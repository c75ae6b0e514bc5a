"""Ask about known holes in the locked packages: the package index, or else the OSV database.

Ends with 1 for a hole and with 2 when nobody answers for all packages; with `--where-served` that is no failure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "build/audit/bin/pip-audit"
SERVICES = ("pypi", "osv")
NOT_ASKED = 2
_FIRST_PACKAGE = re.compile(r"^\S.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def query_service(service: str, requirements: str) -> list[dict[str, Any]] | None:
    """What a service knows of each package; nothing when it does not answer for each of them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(requirements, "utf-8")
        command = [
            PROGRAM, "--requirement", file, "--require-hashes", "--disable-pip", "--vulnerability-service", service,
            "--format", "json", "--progress-spinner", "off", "--timeout", "10",
        ]  # fmt: skip
        try:
            text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            packages: list[dict[str, Any]] = json.loads(text)["dependencies"]
        except (OSError, ValueError):
            return None
    return None if any("skip_reason" in package for package in packages) else packages


def audit_packages(lock: str) -> list[dict[str, Any]] | None:
    """The first answer for all packages. One goes first, so that a missing network does not fail seventy times."""
    first = _FIRST_PACKAGE.search(lock)
    for service in SERVICES:
        if (
            first
            and query_service(service, first[0]) is not None
            and (packages := query_service(service, lock)) is not None
        ):
            return packages
    return None


def list_holes(packages: list[dict[str, Any]]) -> Iterator[str]:
    for package in packages:
        for hole in package["vulns"]:
            repaired = " or ".join(hole["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {hole['id']}, fixed in {repaired}"


def main(*words: str) -> int:
    packages = audit_packages((ROOT / "requirements.lock").read_text("utf-8"))
    if packages is None:
        lenient = "--where-served" in words
        outcome = "skipped" if lenient else "not known"
        print(f"Known holes: {outcome}, since neither the package index nor OSV answers")
        return 0 if lenient else NOT_ASKED
    found = sorted(list_holes(packages))
    print("\n".join(found) if found else f"Known holes: none in {len(packages)} packages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
