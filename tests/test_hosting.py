"""What `compose.yaml`, the Dockerfile and the systemd unit promise to keep away from the bot."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import discord
import pytest
import yaml

from bot.settings import PREFIX, Settings, load_settings
from tests.test_docs import ROOT

UNIT = ROOT / "docs/newsdesk.service"
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}
CLUSTER = (ROOT / "compose.cluster.yaml").read_text("utf-8")
PAGES = (
    "Dockerfile", "compose.yaml", "compose.cluster.yaml", "docs/newsdesk.service", "docs/operations.md",
    "docs/scaling.md",
)  # fmt: skip


def _service_settings() -> dict[str, str]:
    """The last value of each key; `Environment` stands there more than once."""
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT, "utf-8")
    return dict(unit["Service"])


def test_the_container_can_write_to_its_state_only() -> None:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["newsdesk"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["stop_grace_period"] == "15s"
    assert service["volumes"] == ["state:/var/lib/newsdesk"]
    assert "ports" not in service


def _cluster_services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load(CLUSTER)["services"]
    return services


def test_each_part_of_a_cluster_is_as_contained_as_the_whole_bot() -> None:
    for name, service in _cluster_services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "ports" not in service, name
        assert service.get("build") or service["user"] not in ("root", "0"), name
        assert "healthcheck" in service or name == "proxy", "the proxy's image has nothing to ask with"


def test_a_cluster_has_no_secret_of_its_own_and_asks_for_those_it_needs() -> None:
    requests = re.findall(r"\$\{(\w+)([^}]*)\}", CLUSTER)
    assert {name for name, _ in requests} == {"POSTGRES_PASSWORD", "CARDS"}
    assert all(otherwise.startswith(":?") for _, otherwise in requests)
    assert all(service["env_file"] == ".env" for service in _cluster_services().values() if "build" in service)


def test_the_gateways_of_a_cluster_hold_every_shard_once() -> None:
    gateways = [service["environment"] for name, service in _cluster_services().items() if name.startswith("gateway")]
    (count,) = {int(each["NEWSDESK_SHARD_COUNT"]) for each in gateways}
    held = [load_settings(shard_ids=each["NEWSDESK_SHARD_IDS"], shard_count=count).shard_ids or () for each in gateways]
    assert len(held) > 1
    assert sorted(sum(held, ())) == list(range(count))


def test_the_couriers_of_a_cluster_are_alike_and_cannot_write_to_the_cards() -> None:
    first, *others = (service for name, service in _cluster_services().items() if name.startswith("courier"))
    assert others == [first]
    assert first["command"] == ["run", "--only", "courier"]
    assert [volume.rpartition(":")[2] for volume in first["volumes"]] == ["ro"]


def _compose_command() -> list[str] | None:
    for command in (["docker", "compose"], ["podman", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and not subprocess.run([*command, "version"], capture_output=True).returncode:
            return command
    return None


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_compose_understands_the_file(name: str, tmp_path: Path) -> None:
    command = _compose_command()
    if command is None:
        pytest.skip("there is no compose on this machine")
    shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=abc\nCARDS=./cards\nNEWSDESK_TOKEN=a.test.token\n", "utf-8")
    shown = subprocess.run([*command, "-f", name, "config"], cwd=tmp_path, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert set(yaml.safe_load(shown.stdout)["services"]) == set(yaml.safe_load((ROOT / name).read_text())["services"])


def test_the_image_has_a_user_and_a_health_check_and_brings_no_pip() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert "USER 10001:10001" in lines
    assert any(line.startswith("HEALTHCHECK") and line.endswith('["newsdesk", "health"]') for line in lines)
    assert any("venv --without-pip" in line for line in lines)
    assert any("--require-hashes" in line for line in lines)


def test_the_image_keeps_the_locales_of_every_language_of_discord() -> None:
    kept = re.search(r'^ARG LANGUAGES="(.+)"$', (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert kept
    assert {locale.value.partition("-")[0] for locale in discord.Locale} <= set(kept[1].split("|"))


def test_the_service_can_write_to_its_state_only() -> None:
    service = _service_settings()
    assert service["User"] == service["StateDirectory"] == "newsdesk"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == service["ProtectHome"] == service["PrivateTmp"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["LoadCredential"].startswith("token:")
    assert (service["TimeoutStopSec"], service["Restart"]) == ("15", "on-failure")
    assert service["RestartPreventExitStatus"] == "2", "wrong settings are not tried again"
    assert "ReadWritePaths" not in service


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_is_named_exists(page: str) -> None:
    assert set(re.findall(r"NEWSDESK_[A-Z_]+", (ROOT / page).read_text("utf-8"))) <= SETTINGS


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    written = tmp_path / UNIT.name
    written.write_text(UNIT.read_text("utf-8").replace("/opt/newsdesk/.venv/bin/newsdesk run", "/bin/true"), "utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", written], capture_output=True, text=True, timeout=300)
    if "Failed to" in checked.stderr:
        pytest.skip(f"systemd-analyze cannot work here: {checked.stderr.splitlines()[0]}")
    assert (checked.returncode, checked.stderr) == (0, "")
