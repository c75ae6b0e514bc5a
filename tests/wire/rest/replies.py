"""Answers to interactions: the callback, and the webhook routes for followups and ``@original``."""

from typing import Any

from tests.wire.entities import EPHEMERAL
from tests.wire.errors import Json, invalid_form, one_field
from tests.wire.forms.commands import check_choice
from tests.wire.forms.components import check_modal
from tests.wire.forms.messages import EDIT_FIELDS, REPLY_FIELDS, Draft, read_draft, read_new
from tests.wire.forms.report import FormReport
from tests.wire.interactions import (
    AUTOCOMPLETE,
    CHOICES,
    COMMAND,
    COMPONENT,
    DEFER,
    DEFER_UPDATE,
    MODAL,
    OPEN_MODAL,
    REPLY,
    UPDATE,
    Interaction,
)
from tests.wire.payloads import message_payload
from tests.wire.rest.routing import Answer, Route, RouteCall

_ALLOWED = {
    COMMAND: (REPLY, DEFER, OPEN_MODAL),
    COMPONENT: (REPLY, DEFER, DEFER_UPDATE, UPDATE, OPEN_MODAL),
    AUTOCOMPLETE: (CHOICES,),
    MODAL: (REPLY, DEFER),
}


def handle_callback(call: RouteCall) -> Answer:
    form = call.json_form()
    interaction = call.wire.interactions.acknowledge(
        call.id_segment(0), call.args[1], lambda found: _read_callback(found, form)
    )
    if call.query.get("with_response") not in ("1", "true", "True"):
        return 204, None
    return 200, _callback_response(interaction)


def _read_callback(interaction: Interaction, form: Json) -> tuple[int, Draft, Json]:
    report = FormReport()
    report.check_known((), form, frozenset({"type", "data"}))
    allowed = _ALLOWED[interaction.kind]
    if interaction.kind == MODAL and interaction.source is not None:
        allowed = (*allowed, DEFER_UPDATE, UPDATE)
    report.check_choice(("type",), form.get("type"), allowed)
    report.raise_if_any()
    kind, data = int(form["type"]), form.get("data") or {}
    if kind == CHOICES:
        _check_choices(data)
    elif kind == OPEN_MODAL:
        _check_modal(data)
    return kind, _read_message(kind, data), data


def _read_message(kind: int, data: Json) -> Draft:
    if kind == REPLY:
        return read_new(data, REPLY_FIELDS)
    if kind == UPDATE:
        return read_draft(data, REPLY_FIELDS)
    draft = Draft(frozenset())
    if kind == DEFER:
        draft.flags = int(data.get("flags") or 0) & EPHEMERAL
    return draft


def _check_choices(data: Json) -> None:
    report = FormReport()
    for index, choice in enumerate(report.check_sequence(("data", "choices"), data.get("choices"), 25)):
        # The option's own type is the library's business here: a value of text or a number will do.
        kind = 3 if isinstance(choice, dict) and isinstance(choice.get("value"), str) else 10
        check_choice(report, ("data", "choices", index), choice, kind)
    report.raise_if_any()


def _check_modal(data: Json) -> None:
    report = FormReport()
    check_modal(report, data)
    report.raise_if_any()


def _callback_response(interaction: Interaction) -> Json:
    message = interaction.original
    about: Json = {"id": str(interaction.id), "type": interaction.kind}
    response: Json = {"interaction": about}
    if message is not None:
        about |= {
            "response_message_id": str(message.id),
            "response_message_loading": interaction.pending,
            "response_message_ephemeral": bool(message.flags & EPHEMERAL),
        }
        response["resource"] = {"type": interaction.callback_type, "message": message_payload(message)}
    return response


def _find_interaction(call: RouteCall) -> Interaction:
    interaction = call.wire.interactions.get_by_token(call.args[1])
    if call.id_segment(0) != call.wire.world.application_id:
        raise invalid_form(one_field(("webhook_id",), "WEBHOOK_UNKNOWN", "Unknown Webhook"))
    return interaction


def follow_up(call: RouteCall) -> Answer:
    interaction = _find_interaction(call)
    message = call.wire.interactions.follow_up(interaction, read_new(call.json_form(), REPLY_FIELDS))
    return 200, message_payload(message)


def get_reply(call: RouteCall) -> Answer:
    interaction = _find_interaction(call)
    return 200, message_payload(call.wire.interactions.find_message(interaction, call.args[2]))


def edit_reply(call: RouteCall) -> Answer:
    interaction = _find_interaction(call)
    message = call.wire.interactions.find_message(interaction, call.args[2])
    draft = read_draft(call.json_form(), EDIT_FIELDS | REPLY_FIELDS, message.flags)
    return 200, message_payload(call.wire.interactions.edit_message(interaction, message, draft))


def delete_reply(call: RouteCall) -> Answer:
    interaction = _find_interaction(call)
    call.wire.interactions.delete_message(interaction, call.wire.interactions.find_message(interaction, call.args[2]))
    return 204, None


def _webhook_route(method: str, template: str, handler: Any) -> Route:
    return Route(method, template, handler, "webhook", major=2, exempt=True)


ROUTES = (
    Route("POST", "/interactions/*/*/callback", handle_callback, bucket=None, exempt=True),
    _webhook_route("POST", "/webhooks/*/*", follow_up),
    # "@original" stands here as any other message id does.
    _webhook_route("GET", "/webhooks/*/*/messages/*", get_reply),
    _webhook_route("PATCH", "/webhooks/*/*/messages/*", edit_reply),
    _webhook_route("DELETE", "/webhooks/*/*/messages/*", delete_reply),
)
