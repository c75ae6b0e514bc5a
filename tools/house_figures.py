"""Print how readable the code of a checkout is, in figures: `python tools/house_figures.py [CHECKOUT]`.

Names, imports and comments are read from the syntax trees of `bot` and `cogs`, so any commit in a worktree can be
measured. The trips need the test support of this commit; `--no-trips` leaves them out.
"""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
_TRIPS = Path(__file__).with_name("house_trips.py")
_PRAGMA = re.compile(r"#\s*(type:|noqa|pragma|fmt:|mypy:)")
_REGULAR = re.compile(r"[a-z]{2,}ed")
_PRESENT_TENSE = re.compile(r"bleed|breed|embed|exceed|feed|need|proceed|seed|shed|speed|succeed")
_IRREGULAR = re.compile(
    r"began|begun|bought|broke|broken|brought|built|came|caught|chosen|come|done|drawn|fallen|fell|felt|"
    r"forgotten|found|gave|given|gone|got|grown|had|heard|held|hidden|kept|knew|known|laid|left|lost|made|"
    r"meant|met|paid|ran|rung|said|sent|shown|sold|spent|spoken|stood|sworn|taken|taught|thought|thrown|told|"
    r"took|torn|understood|went|won|worn|woken|written|wrote"
)
"""Past forms that are no present form as well: `put`, `read`, `set` and `split` are verbs."""


class HouseFigures(NamedTuple):
    """What the syntax trees say."""

    functions: tuple[str, ...]
    circles: tuple[tuple[str, ...], ...]
    comments: int
    code_lines: int

    @property
    def one_word(self) -> list[str]:
        return [name for name in self.functions if "_" not in name.strip("_")]

    @property
    def past_forms(self) -> list[str]:
        return [name for name in self.functions if is_past_form(name)]

    @property
    def one_word_share(self) -> float:
        return 100 * len(self.one_word) / len(self.functions)

    @property
    def past_form_share(self) -> float:
        return 100 * len(self.past_forms) / len(self.functions)

    @property
    def comments_per_100(self) -> float:
        return 100 * self.comments / self.code_lines


def measure_house(checkout: Path = ROOT) -> HouseFigures:
    modules = dict(_iter_modules(checkout))
    trees = {name: ast.parse(path.read_bytes()) for name, path in modules.items()}
    counts = [_count_lines(path) for path in modules.values()]
    return HouseFigures(
        tuple(name for tree in trees.values() for name in _iter_functions(tree)),
        tuple(_find_circles(_map_imports(trees, packages={m for m, p in modules.items() if p.name == "__init__.py"}))),
        sum(comments for comments, _ in counts),
        sum(code for _, code in counts) - sum(_count_docstring_lines(tree) for tree in trees.values()),
    )


def is_past_form(name: str) -> bool:
    """Return whether the first word of a name is a participle or a past form."""
    first = name.strip("_").split("_")[0]
    return bool(_IRREGULAR.fullmatch(first) or (_REGULAR.fullmatch(first) and not _PRESENT_TENSE.fullmatch(first)))


def _iter_modules(checkout: Path) -> Iterator[tuple[str, Path]]:
    for room in ("bot", "cogs"):
        for path in sorted((checkout / room).rglob("*.py")):
            parts = path.relative_to(checkout).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _iter_functions(tree: ast.Module) -> Iterator[str]:
    """Yield the names of functions and methods; Python itself names the dunders."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not re.fullmatch(r"__\w+__", node.name):
            yield node.name


def _map_imports(trees: dict[str, ast.Module], packages: set[str]) -> dict[str, set[str]]:
    """Map each module to those it imports anywhere: at the top, in functions, and for types alone."""
    return {name: set(_iter_imports(name, tree, trees, packages)) - {name} for name, tree in trees.items()}


def _iter_imports(name: str, tree: ast.Module, trees: dict[str, ast.Module], packages: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in trees)
        elif isinstance(node, ast.ImportFrom):
            source = _resolve_source(name, node, packages)
            for alias in node.names:
                # `from bot import metrics` imports the module, not the package around it.
                if (module := f"{source}.{alias.name}") in trees:
                    yield module
                elif source in trees:
                    yield source


def _resolve_source(name: str, node: ast.ImportFrom, packages: set[str]) -> str:
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    base = parts[: len(parts) - node.level + (name in packages)]
    return ".".join([*base, *filter(None, [node.module])])


def _find_circles(imports: dict[str, set[str]]) -> Iterator[tuple[str, ...]]:
    """Yield groups of modules that import each other, directly or through others."""
    reached = {name: _find_reachable(name, imports) for name in imports}
    seen: set[str] = set()
    for name in imports:
        if name in reached[name] and name not in seen:
            circle = {other for other in reached[name] if name in reached[other]}
            seen |= circle
            yield tuple(sorted(circle))


def _find_reachable(start: str, imports: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    pending = [start]
    while pending:
        new = imports[pending.pop()] - reached
        reached |= new
        pending += new
    return reached


def _count_lines(path: Path) -> tuple[int, int]:
    """Count the lines with a comment, and the lines with code or docstrings. Notes to linters are no comments."""
    comments: set[int] = set()
    code: set[int] = set()
    layout = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.ENCODING}
    for token in tokenize.tokenize(io.BytesIO(path.read_bytes()).readline):
        if token.type == tokenize.COMMENT:
            if not _PRAGMA.match(token.string):
                comments.add(token.start[0])
        elif token.type not in layout:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(comments), len(code)


def _count_docstring_lines(tree: ast.Module) -> int:
    """Count the lines of docstrings, those below attributes included."""
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return sum((text.end_lineno or text.lineno) - text.lineno + 1 for text in texts)


def _print_figures(figures: HouseFigures, *, names: bool) -> None:
    print(f"functions                {len(figures.functions):6}")
    print(f"names of one word        {figures.one_word_share:6.1f} %")
    print(f"names in a past form     {figures.past_form_share:6.1f} %")
    print(f"import circles           {len(figures.circles):6}  files in them: {sum(map(len, figures.circles))}")
    print(f"comments per 100 lines   {figures.comments_per_100:6.2f}  ({figures.comments} in {figures.code_lines})")
    if names:
        print("\none word:", *sorted(figures.one_word), "\npast form:", *sorted(figures.past_forms))
        print("\ncircles:", *(" ".join(circle) for circle in figures.circles), sep="\n")


def main(*arguments: str) -> None:
    checkout = Path(next((each for each in arguments if not each.startswith("-")), ROOT)).resolve()
    _print_figures(measure_house(checkout), names="--names" in arguments)
    if "--no-trips" not in arguments:
        # The checkout's own packages, whichever are installed.
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        subprocess.run([sys.executable, _TRIPS, checkout], env=environment, cwd=checkout, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
