"""The built wheel, installed beside nothing of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.timeout(1800)


def run_command(*words: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NEWSDESK_", "PYTHON"))}
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of an environment that has the wheel, and its packages from this one."""
    place = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("no pip here to build with")
    # From a copy: building leaves files in the folder of the sources.
    source = place / "source"
    for name in ("bot", "cogs", "data"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run_command(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", place, source, cwd=place)
    run_command(sys.executable, "-m", "venv", "--without-pip", place / "env", cwd=place)
    python = place / "env" / "bin" / "python"
    packages = Path(
        run_command(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip()
    )
    # A path alone: this environment's own link to the checkout is not followed from there.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = place.glob("*.whl")
    install = ("--python", python, "install", "--quiet", "--no-deps", "--ignore-installed", wheel)
    run_command(*pip, *install, cwd=place)
    return python.with_name("newsdesk")


def test_the_demo_plays_from_any_folder_with_its_own_cards(installed: Path, tmp_path: Path) -> None:
    where = "import bot, bot.demo.cards as cards; print(bot.__file__); print(cards.find_sample_data())"
    code, data = run_command(installed.with_name("python"), "-c", where, cwd=tmp_path).split()
    assert Path(code).is_relative_to(installed.parent.parent)
    assert Path(data).is_relative_to(installed.parent.parent)
    cards, pictures = ROOT / "data" / "cards", ROOT / "data" / "assets"
    assert len(list((Path(data) / "cards").iterdir())) == len(list(cards.glob("*.md")))
    assert len([*(Path(data) / "assets").rglob("*.*")]) == len([*pictures.rglob("*.*")])
    assert run_command(installed, "demo", "--headless", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_commands_find_their_files(installed: Path, tmp_path: Path) -> None:
    environment = f"NEWSDESK_DATABASE_URL=sqlite+aiosqlite:///{tmp_path}/news.db"
    data = installed.parent.parent / "share" / "newsdesk" / "data" / "cards"
    assert "cards" in run_command("env", environment, installed, "load", data, cwd=tmp_path)
    assert "result" in run_command("env", environment, installed, "search", "rust", cwd=tmp_path)
