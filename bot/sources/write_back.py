"""Write an owner's decision into a card's file, changing only the value of `published`. Blocking."""

from __future__ import annotations

import os
import stat as modes
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.cards.frontmatter_edit import FrontMatterEditError, set_published
from bot.cards.model import SourceItem
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.sources.folder import fingerprint_stat


def write_published(root: Path, known: SourceItem, published: bool) -> None:
    """Set `published` in the file `known` below `root`; no-op if it already has that value.

    Raises `UserError`, leaving the file untouched, if it has changed since it was listed or cannot be changed safely.
    The file is replaced atomically: it keeps its mode, but the bot becomes its owner and hard links keep the old text.
    """
    path = root / known.key
    try:
        mode = _check_unchanged(root, known)
        content = path.read_bytes()
        changed = set_published(content, published)
        if changed != content:
            _replace_file(path, changed, mode, lambda: _check_unchanged(root, known))
    except FrontMatterEditError as error:
        raise UserError(tr(error.advice, file=_file_label(known))) from error
    except OSError as error:
        raise UserError(tr(_UNWRITABLE, file=_file_label(known), reason=error.strerror)) from error


def _file_label(known: SourceItem) -> str:
    return known.key.replace("`", "'")


_UNWRITABLE = tr_noop(
    "I can't write `{file}` ({reason}). Let the bot write in its folder, or set `published` yourself."
)
_GONE = tr_noop("`{file}` no longer exists. Load the folder again.")
_ASTRAY = tr_noop("`{file}` is a broken link. Replace it with the card itself.")
_OUTSIDE = tr_noop("`{file}` is a link or leads outside the cards folder. Change the target file yourself.")
_CHANGED = tr_noop("`{file}` changed in the meantime. Check the card again before you decide.")


def _check_unchanged(root: Path, known: SourceItem) -> int:
    """The file's mode.

    Raises `FrontMatterEditError` if it changed since it was listed or a part of its path is a link.
    """
    try:
        home, real = root.resolve(strict=True), (root / known.key).resolve(strict=True)
        info = real.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise FrontMatterEditError(_GONE) from None
    except RuntimeError:  # a symlink loop, up to Python 3.12
        raise FrontMatterEditError(_ASTRAY) from None
    # Resolving changes the path if any part of it is a link.
    if real != home / known.key or not real.is_relative_to(home) or not modes.S_ISREG(info.st_mode):
        raise FrontMatterEditError(_OUTSIDE)
    if fingerprint_stat(info) != known.fingerprint:
        raise FrontMatterEditError(_CHANGED)
    return modes.S_IMODE(info.st_mode)


def _replace_file(target: Path, content: bytes, mode: int, check: Callable[[], object]) -> None:
    """Replace a file atomically, if `check` does not raise."""
    # Hidden and with another suffix, so that scans and the watcher ignore the temporary file.
    handle, name = tempfile.mkstemp(prefix=".newsdesk-", suffix=".tmp", dir=target.parent)
    spare = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            spare.chmod(mode)
            file.flush()
            # Otherwise a power failure could leave an empty file under the card's name.
            os.fsync(handle)
        # Once more, now that the new file is complete: an editor may have saved in the meantime.
        check()
        spare.replace(target)
    finally:
        spare.unlink(missing_ok=True)
