"""Component trees: rows of buttons or one select, and the modals that hold text inputs. Not Components V2."""

from typing import Any

from tests.wire.errors import Json
from tests.wire.forms.report import Path, Report, fields_named

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, LABEL, TEXT_DISPLAY = 1, 2, 3, 4, 18, 10
SELECTS = (STRING_SELECT, 5, 6, 7, 8)
LINK, PREMIUM = 5, 6
_V2_TYPES = (9, 10, 11, 12, 13, 14, 17)
_ROW = frozenset({"type", "id", "components"})
_BUTTON = fields_named("type id style label emoji custom_id url disabled sku_id")
_SELECT = fields_named(
    "type id custom_id options placeholder min_values max_values disabled channel_types default_values required"
)
_OPTION = frozenset({"label", "value", "description", "emoji", "default"})
_INPUT = fields_named("type id custom_id style label min_length max_length required value placeholder")
_LABEL = frozenset({"type", "id", "label", "description", "component"})


class _Tree:
    """One tree under check; custom ids must differ over all of it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.custom_ids: set[str] = set()

    def custom_id(self, path: Path, form: Json) -> None:
        path = (*path, "custom_id")
        value = form.get("custom_id")
        if value is None:
            self.report.required(path)
            return
        trimmed = self.report.text(path, value, 100, least=1)
        if trimmed in self.custom_ids:
            message = "Component custom id cannot be duplicated"
            self.report.add(path, "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        self.custom_ids.add(trimmed)

    def optional_text(self, path: Path, form: Json, name: str, most: int) -> None:
        if form.get(name) is not None:
            self.report.text((*path, name), form[name], most)

    def row(self, path: Path, form: Json) -> None:
        report = self.report
        report.known(path, form, _ROW)
        inside = report.sequence((*path, "components"), form.get("components"), 5, least=1)
        kinds = [each.get("type") if isinstance(each, dict) else None for each in inside]
        if any(kind in SELECTS for kind in kinds) and len(inside) > 1:
            message = "The specified component exceeds the maximum width"
            report.add((*path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)
        for index, raw in enumerate(inside):
            child = report.mapping((*path, "components", index), raw)
            if child is not None:
                self.child((*path, "components", index), child)

    def child(self, path: Path, form: Json) -> None:
        kind = form.get("type")
        if kind == BUTTON:
            self.button(path, form)
        elif kind in SELECTS:
            self.select(path, form)
        else:
            self.report.choice((*path, "type"), kind, (BUTTON, *SELECTS))

    def button(self, path: Path, form: Json) -> None:
        report = self.report
        report.known(path, form, _BUTTON)
        report.choice((*path, "style"), form.get("style"), range(1, 7))
        self.optional_text(path, form, "label", 80)
        if form.get("style") == PREMIUM:
            return
        if not form.get("label") and not form.get("emoji"):
            report.required((*path, "label"))
        if form.get("style") == LINK:
            self.link(path, form)
            return
        self.custom_id(path, form)
        if form.get("url") is not None:
            report.add((*path, "url"), "BUTTON_COMPONENT_INVALID_URL", "A url can only be set on a link button")

    def link(self, path: Path, form: Json) -> None:
        if form.get("custom_id") is not None:
            message = "A custom id and url cannot both be specified"
            self.report.add((*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message)
        if not form.get("url"):
            self.report.required((*path, "url"))
        else:
            self.report.url((*path, "url"), form["url"], ("http", "https", "discord"), 512)

    def select(self, path: Path, form: Json) -> None:
        report = self.report
        report.known(path, form, _SELECT)
        self.custom_id(path, form)
        self.optional_text(path, form, "placeholder", 150)
        if form.get("min_values") is not None:
            report.whole((*path, "min_values"), form["min_values"], 25)
        if form.get("max_values") is not None:
            report.whole((*path, "max_values"), form["max_values"], 25, least=1)
        if form["type"] == STRING_SELECT:
            self.options((*path, "options"), form.get("options"))

    def options(self, path: Path, value: Any) -> None:
        report = self.report
        seen: set[str] = set()
        for index, raw in enumerate(report.sequence(path, value, 25, least=1)):
            option = report.mapping((*path, index), raw)
            if option is None:
                continue
            report.known((*path, index), option, _OPTION)
            report.text((*path, index, "label"), option.get("label"), 100, least=1)
            chosen = report.text((*path, index, "value"), option.get("value"), 100, least=1)
            self.optional_text((*path, index), option, "description", 100)
            if chosen in seen:
                message = "The specified option value is already used"
                report.add((*path, index, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
            seen.add(chosen)

    def text_input(self, path: Path, form: Json, *, labelled: bool) -> None:
        report = self.report
        report.known(path, form, _INPUT)
        self.custom_id(path, form)
        report.choice((*path, "style"), form.get("style"), (1, 2))
        if not labelled:
            report.text((*path, "label"), form.get("label"), 45, least=1)
        self.optional_text(path, form, "placeholder", 100)
        self.optional_text(path, form, "value", 4000)
        for name in ("min_length", "max_length"):
            if form.get(name) is not None:
                report.whole((*path, name), form[name], 4000, least=int(name == "max_length"))


def check_components(report: Report, value: Any) -> list[Json]:
    tree = _Tree(report)
    rows = report.sequence(("components",), value, 5)
    for index, raw in enumerate(rows):
        path: Path = ("components", index)
        row = report.mapping(path, raw)
        if row is None:
            continue
        if row.get("type") in _V2_TYPES:
            report.add((*path, "type"), "COMPONENTS_V2_NOT_MODELLED", "Components V2 are not served by this Discord")
        elif report.choice((*path, "type"), row.get("type"), (ROW,)):
            tree.row(path, row)
    return rows


def check_modal(report: Report, form: Json) -> None:
    """A modal: title, custom id, and one to five rows or labels with one field each."""
    report.known((), form, frozenset({"title", "custom_id", "components"}))
    report.text(("title",), form.get("title"), 45, least=1)
    report.text(("custom_id",), form.get("custom_id"), 100, least=1)
    tree = _Tree(report)
    for index, raw in enumerate(report.sequence(("components",), form.get("components"), 5, least=1)):
        path: Path = ("components", index)
        part = report.mapping(path, raw)
        if part is not None and report.choice((*path, "type"), part.get("type"), (ROW, LABEL, TEXT_DISPLAY)):
            _check_modal_part(tree, path, part)


def _check_modal_part(tree: _Tree, path: Path, part: Json) -> None:
    report = tree.report
    if part["type"] == ROW:
        report.known(path, part, _ROW)
        for index, raw in enumerate(report.sequence((*path, "components"), part.get("components"), 1, least=1)):
            if report.choice((*path, "components", index, "type"), raw.get("type"), (TEXT_INPUT,)):
                tree.text_input((*path, "components", index), raw, labelled=False)
    elif part["type"] == LABEL:
        report.known(path, part, _LABEL)
        report.text((*path, "label"), part.get("label"), 45, least=1)
        tree.optional_text(path, part, "description", 100)
        inside = report.mapping((*path, "component"), part.get("component"))
        if inside is not None and inside.get("type") == TEXT_INPUT:
            tree.text_input((*path, "component"), inside, labelled=True)
        elif inside is not None:
            tree.child((*path, "component"), inside)
