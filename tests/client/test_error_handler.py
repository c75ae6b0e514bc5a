"""Each of the five places where Discord code fails answers: command, view, modal, dynamic item, autocomplete."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands

from bot.client.acknowledgement import FORM, answer_interaction
from bot.client.error_handler import ErrorReportingItem, ErrorReportingModal, ErrorReportingView, safe_autocomplete
from bot.errors import UserError
from tests.support.scrape import parse_samples
from tests.support.stage import BotStage, newest, open_stage

APOLOGY = re.compile(r"Sorry, something went wrong.*`[0-9a-f]{8}`")


def _raise_error(kind: str) -> None:
    if kind == "user":
        raise UserError("Choose another one.")
    if kind == "line":
        raise aiohttp.ServerDisconnectedError
    raise RuntimeError("a defect with a secret in it")


class _FailingView(ErrorReportingView):
    @discord.ui.button(label="user")
    async def user(self, _interaction: discord.Interaction[Any], _button: discord.ui.Button[Any]) -> None:
        _raise_error("user")

    @discord.ui.button(label="defect")
    async def defect(self, _interaction: discord.Interaction[Any], _button: discord.ui.Button[Any]) -> None:
        _raise_error("defect")


class _FailingModal(ErrorReportingModal, title="Fails"):
    words: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Words", custom_id="words")

    async def on_submit(self, _interaction: discord.Interaction[Any], /) -> None:
        _raise_error(self.words.value)


class _FailingButton(
    ErrorReportingItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"fail:(?P<kind>\w+)"
):
    def __init__(self, kind: str) -> None:
        super().__init__(discord.ui.Button(label=f"dynamic {kind}", custom_id=f"fail:{kind}"))
        self.kind = kind

    @classmethod
    def from_match(cls, match: re.Match[str]) -> _FailingButton:
        return cls(match["kind"])

    async def handle_click(self, _interaction: discord.Interaction[Any]) -> None:
        _raise_error(self.kind)


@safe_autocomplete
async def _failing_suggestions(_interaction: discord.Interaction[Any], _current: str) -> list[app_commands.Choice[str]]:
    raise RuntimeError("a defect")


def _form(interaction: discord.Interaction[Any]) -> _FailingModal | None:
    return _FailingModal() if interaction.namespace.how == "modal" else None


@app_commands.command(name="fail", description="Fails", extras={FORM: _form})
@app_commands.autocomplete(how=_failing_suggestions)
async def _failing_command(interaction: discord.Interaction[Any], how: str) -> None:
    if how == "view":
        view: discord.ui.View = _FailingView()
        view.add_item(_FailingButton("user")).add_item(_FailingButton("defect"))
        await answer_interaction(interaction, "Press", view=view)
    elif how == "late":
        await answer_interaction(interaction, "Half of it")
        _raise_error("defect")
    else:
        _raise_error(how)


async def _with_failing_command(stage: BotStage) -> None:
    stage.bot.tree.add_command(_failing_command)
    stage.bot.add_dynamic_items(_FailingButton)
    await stage.bot.sync_commands(force=True)


@pytest.mark.parametrize("how", ["user", "defect", "late"])
async def test_a_command_answers(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_stage(tmp_path) as stage:
        await _with_failing_command(stage)
        result = await stage.member.slash(stage.news, "fail", how=how)
        text = newest(result)
        _assert_answered(text.content, how, caplog)
        assert text.ephemeral
        assert bool(result.followups) is (how == "late")


@pytest.mark.parametrize("kind", ["user", "defect"])
@pytest.mark.parametrize("item", ["", "dynamic "])
async def test_views_and_dynamic_items_answer(
    tmp_path: Path, kind: str, item: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path) as stage:
        await _with_failing_command(stage)
        shown = await stage.member.slash(stage.news, "fail", how="view")
        result = await stage.member.click(shown.response, label=item + kind)
        _assert_answered(result.response.content, kind, caplog)


@pytest.mark.parametrize("kind", ["user", "defect", "line"])
async def test_a_modal_answers(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_stage(tmp_path) as stage:
        await _with_failing_command(stage)
        shown = await stage.member.slash(stage.news, "fail", how="modal")
        result = await stage.member.submit_modal(shown, {"words": kind})
        _assert_answered(result.response.content, kind, caplog)


async def test_an_autocomplete_suggests_nothing_and_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_stage(tmp_path) as stage:
        await _with_failing_command(stage)
        assert await stage.member.autocomplete(stage.news, "fail", "how", "x") == []
        assert "Autocomplete failed" in caplog.text


async def test_each_of_the_five_is_counted_once_by_its_kind_and_never_by_an_id(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await _with_failing_command(stage)
        await stage.member.slash(stage.news, "fail", how="user")
        await stage.member.autocomplete(stage.news, "fail", "how", "x")
        shown = await stage.member.slash(stage.news, "fail", how="view")
        for label in ("user", "defect", "dynamic user", "dynamic defect"):
            await stage.member.click(shown.response, label=label)
        shown = await stage.member.slash(stage.news, "fail", how="modal")
        await stage.member.submit_modal(shown, {"words": "defect"})
        found = parse_samples(stage.bot.metrics.render_text().decode())
    requests, failed = "newsdesk_interaction_seconds_count", "newsdesk_interaction_errors_total"
    assert {name: value for name, value in found.items() if value and name.startswith((requests, failed))} == {
        f'{requests}{{kind="command",name="fail"}}': 3,
        f'{requests}{{kind="autocomplete",name="fail"}}': 1,
        f'{requests}{{kind="button",name="_FailingView"}}': 2,
        f'{requests}{{kind="button",name="_FailingButton"}}': 2,
        f'{requests}{{kind="modal",name="_FailingModal"}}': 1,
        f'{failed}{{error="refused",kind="command",name="fail"}}': 1,
        f'{failed}{{error="failed",kind="autocomplete",name="fail"}}': 1,
        f'{failed}{{error="refused",kind="button",name="_FailingView"}}': 1,
        f'{failed}{{error="failed",kind="button",name="_FailingView"}}': 1,
        f'{failed}{{error="refused",kind="button",name="_FailingButton"}}': 1,
        f'{failed}{{error="failed",kind="button",name="_FailingButton"}}': 1,
        f'{failed}{{error="failed",kind="modal",name="_FailingModal"}}': 1,
    }


def _assert_answered(content: str, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    if kind == "user":
        assert content == "Choose another one."
        return
    if kind == "line":
        assert "lost the connection to Discord" in content
        assert not any(record.levelno == logging.ERROR for record in caplog.records)
        return
    assert APOLOGY.search(content)
    assert "secret" not in content
    reference = content.split("`")[1]
    assert any(reference in record.getMessage() and record.levelno == logging.ERROR for record in caplog.records)
