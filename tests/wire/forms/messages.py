"""The form of a message: to create one, to edit one, and as an interaction's reply."""

from dataclasses import dataclass, field
from typing import Any

from tests.wire.entities import COMPONENTS_V2, EPHEMERAL
from tests.wire.errors import DiscordError, Json
from tests.wire.forms.components import check_components, check_layout, find_texts
from tests.wire.forms.embeds import check_embeds
from tests.wire.forms.mentions import check_allowed_mentions
from tests.wire.forms.report import FormReport, field_names

_SUPPRESS_EMBEDS, _SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12
_SETTABLE = _SUPPRESS_EMBEDS | _SUPPRESS_NOTIFICATIONS | EPHEMERAL | COMPONENTS_V2

EDIT_FIELDS = field_names("content embeds components allowed_mentions flags attachments tts")
CREATE_FIELDS = EDIT_FIELDS | {"nonce", "enforce_nonce", "message_reference", "sticker_ids"}
REPLY_FIELDS = EDIT_FIELDS | {"nonce", "enforce_nonce", "username", "avatar_url", "thread_name"}


@dataclass(slots=True)
class Draft:
    """A message that passed every check and is not yet anywhere. ``given`` names the fields that were
    sent.
    """

    given: frozenset[str]
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    nonce: str | None = None
    enforce_nonce: bool = False
    flags: int = 0
    allowed_mentions: Json | None = None
    reference: Json | None = None

    @property
    def written(self) -> str:
        """What mentions are looked for in."""
        return "\n".join([self.content, *find_texts(self.components)])

    @property
    def is_empty(self) -> bool:
        shown = self.components if self.flags & COMPONENTS_V2 else None
        return not (self.content or self.embeds or self.attachments or shown)


def empty_message() -> DiscordError:
    return DiscordError(400, 50006, "Cannot send an empty message")


def read_draft(form: Json, names: frozenset[str], flags: int = 0) -> Draft:
    """Checks all fields but the emptiness of the whole, which an edit can only judge together with the
    message. ``flags`` are those that the edited message has.
    """
    report = FormReport()
    report.check_known((), form, names)
    draft = Draft(frozenset(form))
    draft.content = _check_content(report, form.get("content"))
    draft.embeds = check_embeds(report, form.get("embeds") or [])
    draft.flags = _check_flags(report, form.get("flags"))
    if (draft.flags | flags) & COMPONENTS_V2:
        _check_alone(report, form)
        draft.components = check_layout(report, form["components"]) if "components" in form else []
    else:
        draft.components = check_components(report, form.get("components") or [])
    draft.allowed_mentions = check_allowed_mentions(report, form.get("allowed_mentions"))
    draft.nonce = _check_nonce(report, form.get("nonce"))
    draft.enforce_nonce = bool(form.get("enforce_nonce"))
    draft.reference = _check_reference(report, form.get("message_reference"))
    draft.attachments = report.check_sequence(("attachments",), form.get("attachments") or [], 10)
    report.raise_if_any()
    return draft


def read_new(form: Json, names: frozenset[str] = CREATE_FIELDS) -> Draft:
    draft = read_draft(form, names)
    if draft.is_empty and not form.get("sticker_ids"):
        raise empty_message()
    return draft


def _check_content(report: FormReport, value: Any) -> str:
    return "" if value is None else report.check_text(("content",), value, 2000)


def _check_flags(report: FormReport, value: Any) -> int:
    if value is None:
        return 0
    report.check_integer(("flags",), value, (1 << 53) - 1)
    return value & _SETTABLE if isinstance(value, int) else 0


def _check_alone(report: FormReport, form: Json) -> None:
    """With Components V2 a message has neither content nor embeds, not even empty ones."""
    for name in ("content", "embeds"):
        if form.get(name) is not None and not (name == "embeds" and form[name] == []):
            message = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            report.add_error((name,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)


def _check_nonce(report: FormReport, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        report.add_error(("nonce",), "NONCE_TYPE_INVALID_TYPE", "Nonce must be an integer or a string.")
        return None
    nonce = str(value)
    if len(nonce) > 25:
        report.add_error(("nonce",), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    return nonce


def _check_reference(report: FormReport, value: Any) -> Json | None:
    form = None if value is None else report.check_mapping(("message_reference",), value)
    if form is not None:
        names = frozenset({"type", "message_id", "channel_id", "guild_id", "fail_if_not_exists"})
        report.check_known(("message_reference",), form, names)
    return form
