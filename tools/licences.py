"""Write `docs/licences.md`: what the bot needs while it runs, in which version and under which licence.

Names come from `pyproject.toml`, everything else from the metadata of what is installed: `python tools/licences.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/licences.md"
_LOCKED = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?: ; ([^\\\n]+))?", re.MULTILINE)
_HEAD = """# Licences

Newsdesk runs on these packages: the main dependencies of `pyproject.toml` and what those need in turn, without the
demo's and the developers' own. `.venv/bin/python tools/licences.py` writes this page from what the packages say about
themselves. The letters in charts are DejaVu Sans, under the licence that lies beside them in `bot/render/fonts/`.

| package | version | licence |
| --- | --- | --- |
"""


def read_lock() -> dict[str, tuple[str, str]]:
    """Name → version and environment marker of every package in `requirements.lock`."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    return {canonicalize_name(name): (version, marker.strip()) for name, version, marker in _LOCKED.findall(text)}


def find_needed() -> tuple[dict[str, Distribution], set[str]]:
    """What is needed here by name, and the names that only another Python or system would need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    here: dict[str, Distribution] = {}
    elsewhere: set[str] = set()
    waiting = [(Requirement(line), "") for line in project["dependencies"]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            if "extra" not in str(requirement.marker):
                elsewhere.add(name)
            continue
        here[name] = distribution(name)
        wanted = {(name, each) for each in ("", *requirement.extras)} - seen
        seen |= wanted
        waiting += [(each, of) for _, of in wanted for each in _iter_requirements(here[name])]
    return here, elsewhere & read_lock().keys() - here.keys()


def _iter_requirements(package: Distribution) -> Iterator[Requirement]:
    return map(Requirement, package.requires or [])


def find_licence(package: Distribution) -> str:
    """The expression that the package gives, else its classifiers' names, else the first line of its own words."""
    about = package.metadata.json
    if expression := about.get("license_expression"):
        return str(expression)
    classifiers: Iterable[str] = about.get("classifier", [])
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: OSI Approved :: ")]
    words = str(about.get("license", "")).strip().splitlines()
    return ", ".join(named) or (words[0] if words else "not said")


def render_page() -> str:
    here, elsewhere = find_needed()
    rows = (f"| {name} | {package.version} | {find_licence(package)} |\n" for name, package in sorted(here.items()))
    others = (f"{name} {version} ({marker})" for name, (version, marker) in read_lock().items() if name in elsewhere)
    return f"{_HEAD}{''.join(rows)}\nElsewhere also: {', '.join(f'`{other}`' for other in others)}.\n"


if __name__ == "__main__":
    PAGE.write_text(render_page(), "utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written.")
