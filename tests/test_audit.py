"""`make audit`: what is said of an answer, of a hole and of nobody's answering, with a program in pip-audit's place."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.tools import load_tool

_STUB = """#!/bin/sh
for word; do [ "$word" = {answers} ] && echo '{said}' && exit 0; done
echo 'Traceback (most recent call last)' >&2
exit 1
"""
_WELL = {"name": "idna", "version": "3.20", "vulns": []}
_HOLE = {"id": "GHSA-1", "fix_versions": ["3.21"], "aliases": [], "description": ""}


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load_tool("audit")
    monkeypatch.setattr(module, "PROGRAM", tmp_path / "pip-audit")
    return module


def _fake_answer(audit: ModuleType, service: str, *packages: object) -> None:
    audit.PROGRAM.write_text(_STUB.format(answers=service, said=json.dumps({"dependencies": packages})), "utf-8")
    audit.PROGRAM.chmod(0o755)


@pytest.mark.parametrize("service", ["pypi", "osv"])
def test_either_service_will_do(audit: ModuleType, service: str, capsys: pytest.CaptureFixture[str]) -> None:
    _fake_answer(audit, service, _WELL)
    assert audit.main() == 0
    assert capsys.readouterr().out == "Known holes: none in 1 packages\n"


def test_a_hole_is_named_with_what_mends_it(audit: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    _fake_answer(audit, "pypi", _WELL, _WELL | {"vulns": [_HOLE]})
    assert audit.main("--where-served") == 1
    assert capsys.readouterr().out == "idna 3.20: GHSA-1, fixed in 3.21\n"


@pytest.mark.parametrize("installed", [True, False])
def test_nobody_answering_is_one_sentence(
    audit: ModuleType, installed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if installed:
        _fake_answer(audit, "nobody")
    assert (audit.main(), audit.main("--where-served")) == (2, 0)
    assert "neither the package index nor OSV answers" in capsys.readouterr().out


def test_a_package_that_is_skipped_is_no_answer(audit: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    _fake_answer(audit, "pypi", _WELL, {"name": "rich", "skip_reason": "Dependency not found"})
    assert audit.main() == audit.NOT_ASKED
    assert "none" not in capsys.readouterr().out


def test_one_package_is_asked_for_first(audit: ModuleType) -> None:
    lock = (audit.ROOT / "requirements.lock").read_text("utf-8")
    first = audit._FIRST_PACKAGE.search(lock)
    assert first
    assert first[0].count("==") == 1
    assert "--hash=sha256:" in first[0]
    assert lock.startswith(first[0])
