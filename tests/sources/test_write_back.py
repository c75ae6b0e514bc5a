"""A decision reaches the card's own file in one step, or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bot.cards.model import SourceItem
from bot.errors import UserError
from bot.sources.folder import fingerprint_stat, list_folder
from bot.sources.write_back import write_published

HELD = b"\xef\xbb\xbf---\r\ncategory: news\r\npublished:  false # for now\r\n---\r\npublished: false\r\ncaf\xe9"
PUBLISHED = HELD.replace(b"false", b"true", 1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "cards" / "2026").mkdir(parents=True)
    (tmp_path / "cards" / "2026" / "a.md").write_bytes(HELD)
    return tmp_path / "cards"


def stat_file(root: Path, path: str = "2026/a.md") -> SourceItem:
    return SourceItem(path, fingerprint_stat((root / path).stat()))


def read_all(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def raise_always(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


def test_one_value_is_written_and_nothing_stays_behind(root: Path) -> None:
    write_published(root, stat_file(root), True)
    assert read_all(root) == {"2026/a.md": PUBLISHED}
    write_published(root, stat_file(root), False)
    assert read_all(root) == {"2026/a.md": HELD}


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o440])
def test_the_mode_is_kept(root: Path, mode: int) -> None:
    (root / "2026/a.md").chmod(mode)
    write_published(root, stat_file(root), True)
    assert (root / "2026/a.md").stat().st_mode & 0o7777 == mode


def test_nothing_is_written_when_the_file_says_so_already(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "mkstemp", raise_always(AssertionError("written")))
    before = (root / "2026/a.md").stat()
    write_published(root, stat_file(root), False)
    after = (root / "2026/a.md").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_root_itself_may_be_a_link(root: Path) -> None:
    (root.parent / "linked").symlink_to(root)
    write_published(root.parent / "linked", stat_file(root), True)
    assert read_all(root) == {"2026/a.md": PUBLISHED}


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), RuntimeError("gone"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failure_between_leaves_the_file_and_no_other(
    root: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    listed = stat_file(root)
    monkeypatch.setattr(os, step, raise_always(error))
    with pytest.raises(UserError if isinstance(error, OSError) else type(error)):
        write_published(root, listed, True)
    assert read_all(root) == {"2026/a.md": HELD}
    assert stat_file(root) == listed


def test_a_scan_takes_the_temporary_file_for_no_card(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, list[SourceItem]]] = []

    def look(*_: object) -> None:
        seen.append((len(read_all(root)), list_folder(root).items))

    listed = stat_file(root)
    monkeypatch.setattr(os, "fsync", look)
    write_published(root, listed, True)
    assert seen == [(2, [listed])]


@pytest.mark.parametrize("change", [
    lambda path: path.write_bytes(HELD + b"!"),
    lambda path: os.utime(path, ns=(1, 1)),
])  # fmt: skip
@pytest.mark.parametrize("late", [False, True])
def test_a_file_that_changed_is_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], Any], late: bool
) -> None:
    listed, path = stat_file(root), root / "2026/a.md"
    if late:
        monkeypatch.setattr(os, "fsync", lambda _: change(path))
    else:
        change(path)
    with pytest.raises(UserError, match="changed in the meantime"):
        write_published(root, listed, True)
    assert list(read_all(root)) == ["2026/a.md"]
    assert path.read_bytes().startswith(HELD)


@pytest.mark.parametrize("late", [False, True])
def test_a_file_that_is_gone_is_not_made_anew(root: Path, monkeypatch: pytest.MonkeyPatch, late: bool) -> None:
    listed, path = stat_file(root), root / "2026/a.md"
    if late:
        monkeypatch.setattr(os, "fsync", lambda _: path.unlink())
    else:
        path.unlink()
    with pytest.raises(UserError, match="no longer exists"):
        write_published(root, listed, True)
    assert read_all(root) == {}


def test_links_and_ways_out_are_refused(root: Path) -> None:
    outside = root.parent / "outside.md"
    outside.write_bytes(HELD)
    (root / "link.md").symlink_to(outside)
    (root / "inner.md").symlink_to(root / "2026/a.md")
    (root / "folder").symlink_to(root / "2026")
    for path in ("link.md", "inner.md", "folder/a.md", "../outside.md", str(outside), "2026/../2026/a.md", "2026"):
        with pytest.raises(UserError, match="is a link or leads out"):
            write_published(root, stat_file(root, path), True)
    (root / "loop.md").symlink_to(root / "loop.md")
    with pytest.raises(UserError, match="link"):
        write_published(root, SourceItem("loop.md", "1"), True)
    assert outside.read_bytes() == (root / "2026/a.md").read_bytes() == HELD


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_takes_no_file_is_named(root: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(tempfile, "mkstemp", raise_always(OSError(code, os.strerror(code))))
    with pytest.raises(UserError, match=rf"^I can't write `2026/a.md` \({os.strerror(code)}\)\. Let the bot write"):
        write_published(root, stat_file(root), True)
    assert read_all(root) == {"2026/a.md": HELD}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission(root: Path) -> None:
    (root / "2026").chmod(0o555)
    try:
        with pytest.raises(UserError, match="Let the bot write"):
            write_published(root, stat_file(root), True)
    finally:
        (root / "2026").chmod(0o755)
    assert read_all(root) == {"2026/a.md": HELD}


def test_a_refusal_is_one_sentence_that_names_the_file(root: Path) -> None:
    (root / "a`b.md").write_bytes(b"---\ntitle: a\n---\n")
    with pytest.raises(UserError) as refusal:
        write_published(root, stat_file(root, "a`b.md"), True)
    assert str(refusal.value) == ("`a'b.md` has no `published` in its front matter. Add it yourself, as true or false.")
