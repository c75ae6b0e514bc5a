"""Component trees: rows of buttons or one select, Components V2 without files, and modals with text inputs."""

from typing import Any

from tests.wire.errors import Json
from tests.wire.forms.report import FormReport, Path, field_names

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, LABEL, TEXT_DISPLAY = 1, 2, 3, 4, 18, 10
SELECTS = (STRING_SELECT, 5, 6, 7, 8)
LINK, PREMIUM = 5, 6
SECTION, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 9, 11, 12, 13, 14, 17
_V2_TYPES = (SECTION, TEXT_DISPLAY, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER)
_MOST_COMPONENTS, _MOST_TEXT = 40, 4000
_ROW = frozenset({"type", "id", "components"})
_BUTTON = field_names("type id style label emoji custom_id url disabled sku_id")
_SELECT = field_names(
    "type id custom_id options placeholder min_values max_values disabled channel_types default_values required"
)
_OPTION = frozenset({"label", "value", "description", "emoji", "default"})
_SECTION = frozenset({"type", "id", "components", "accessory"})
_TEXT = frozenset({"type", "id", "content"})
_GALLERY = frozenset({"type", "id", "items"})
_SEPARATOR = frozenset({"type", "id", "divider", "spacing"})
_PICTURE = frozenset({"media", "description", "spoiler"})
_CONTAINER = frozenset({"type", "id", "components", "accent_color", "spoiler"})
_INPUT = field_names("type id custom_id style label min_length max_length required value placeholder")
_LABEL = frozenset({"type", "id", "label", "description", "component"})


class _ComponentTree:
    """One tree under check; custom ids must differ over all of it."""

    def __init__(self, report: FormReport) -> None:
        self.report = report
        self.custom_ids: set[str] = set()
        self.components = self.characters = 0

    def check_custom_id(self, path: Path, form: Json) -> None:
        path = (*path, "custom_id")
        value = form.get("custom_id")
        if value is None:
            self.report.add_required(path)
            return
        trimmed = self.report.check_text(path, value, 100, least=1)
        if trimmed in self.custom_ids:
            message = "Component custom id cannot be duplicated"
            self.report.add_error(path, "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        self.custom_ids.add(trimmed)

    def check_optional_text(self, path: Path, form: Json, name: str, most: int) -> None:
        if form.get(name) is not None:
            self.report.check_text((*path, name), form[name], most)

    def check_row(self, path: Path, form: Json) -> None:
        report = self.report
        report.check_known(path, form, _ROW)
        inside = report.check_sequence((*path, "components"), form.get("components"), 5, least=1)
        kinds = [each.get("type") if isinstance(each, dict) else None for each in inside]
        if any(kind in SELECTS for kind in kinds) and len(inside) > 1:
            message = "The specified component exceeds the maximum width"
            report.add_error((*path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)
        for index, raw in enumerate(inside):
            child = report.check_mapping((*path, "components", index), raw)
            if child is not None:
                self.check_child((*path, "components", index), child)

    def check_child(self, path: Path, form: Json) -> None:
        kind = form.get("type")
        if kind == BUTTON:
            self.check_button(path, form)
        elif kind in SELECTS:
            self.check_select(path, form)
        else:
            self.report.check_choice((*path, "type"), kind, (BUTTON, *SELECTS))

    def check_button(self, path: Path, form: Json) -> None:
        report = self.report
        report.check_known(path, form, _BUTTON)
        report.check_choice((*path, "style"), form.get("style"), range(1, 7))
        self.check_optional_text(path, form, "label", 80)
        if form.get("style") == PREMIUM:
            return
        if not form.get("label") and not form.get("emoji"):
            report.add_required((*path, "label"))
        if form.get("style") == LINK:
            self.check_link_button(path, form)
            return
        self.check_custom_id(path, form)
        if form.get("url") is not None:
            report.add_error((*path, "url"), "BUTTON_COMPONENT_INVALID_URL", "A url can only be set on a link button")

    def check_link_button(self, path: Path, form: Json) -> None:
        if form.get("custom_id") is not None:
            message = "A custom id and url cannot both be specified"
            self.report.add_error((*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message)
        if not form.get("url"):
            self.report.add_required((*path, "url"))
        else:
            self.report.check_url((*path, "url"), form["url"], ("http", "https", "discord"), 512)

    def check_select(self, path: Path, form: Json) -> None:
        report = self.report
        report.check_known(path, form, _SELECT)
        self.check_custom_id(path, form)
        self.check_optional_text(path, form, "placeholder", 150)
        if form.get("min_values") is not None:
            report.check_integer((*path, "min_values"), form["min_values"], 25)
        if form.get("max_values") is not None:
            report.check_integer((*path, "max_values"), form["max_values"], 25, least=1)
        if form["type"] == STRING_SELECT:
            self.check_options((*path, "options"), form.get("options"))

    def check_options(self, path: Path, value: Any) -> None:
        report = self.report
        seen: set[str] = set()
        for index, raw in enumerate(report.check_sequence(path, value, 25, least=1)):
            option = report.check_mapping((*path, index), raw)
            if option is None:
                continue
            report.check_known((*path, index), option, _OPTION)
            report.check_text((*path, index, "label"), option.get("label"), 100, least=1)
            selected = report.check_text((*path, index, "value"), option.get("value"), 100, least=1)
            self.check_optional_text((*path, index), option, "description", 100)
            if selected in seen:
                message = "The specified option value is already used"
                report.add_error((*path, index, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
            seen.add(selected)

    def check_text_input(self, path: Path, form: Json, *, labelled: bool) -> None:
        report = self.report
        report.check_known(path, form, _INPUT)
        self.check_custom_id(path, form)
        report.check_choice((*path, "style"), form.get("style"), (1, 2))
        if not labelled:
            report.check_text((*path, "label"), form.get("label"), 45, least=1)
        self.check_optional_text(path, form, "placeholder", 100)
        self.check_optional_text(path, form, "value", 4000)
        for name in ("min_length", "max_length"):
            if form.get(name) is not None:
                report.check_integer((*path, name), form[name], 4000, least=int(name == "max_length"))


class _LayoutTree(_ComponentTree):
    """A tree of Components V2, whose components and characters are counted over all of it."""

    def check_parts(self, path: Path, value: Any, kinds: tuple[int, ...], most: int) -> None:
        for index, raw in enumerate(self.report.check_sequence(path, value, most, least=1)):
            part = self.report.check_mapping((*path, index), raw)
            if part is not None and self.report.check_choice((*path, index, "type"), part.get("type"), kinds):
                self.check_part((*path, index), part)

    def check_part(self, path: Path, form: Json) -> None:
        self.components += 1
        match form["type"]:
            case 1:
                self.components += len(form.get("components") or [])
                self.check_row(path, form)
            case 2:
                self.check_button(path, form)
            case 9:
                self.report.check_known(path, form, _SECTION)
                self.check_parts((*path, "components"), form.get("components"), (TEXT_DISPLAY,), 3)
                self.check_accessory((*path, "accessory"), form.get("accessory"))
            case 10:
                self.report.check_known(path, form, _TEXT)
                text = self.report.check_text((*path, "content"), form.get("content"), _MOST_TEXT, least=1)
                self.characters += len(text)
            case 12:
                self.check_gallery(path, form)
            case 14:
                self.report.check_known(path, form, _SEPARATOR)
                self.report.check_choice((*path, "spacing"), form.get("spacing", 1), (1, 2))
            case 17:
                self.check_container(path, form)

    def check_container(self, path: Path, form: Json) -> None:
        self.report.check_known(path, form, _CONTAINER)
        if form.get("accent_color") is not None:
            self.report.check_integer((*path, "accent_color"), form["accent_color"], 0xFFFFFF)
        self.check_parts((*path, "components"), form.get("components"), _IN_CONTAINER, _MOST_COMPONENTS)

    def check_gallery(self, path: Path, form: Json) -> None:
        self.report.check_known(path, form, _GALLERY)
        for index, picture in enumerate(self.report.check_sequence((*path, "items"), form.get("items"), 10, least=1)):
            self.check_picture((*path, "items", index), picture)

    def check_accessory(self, path: Path, value: Any) -> None:
        form = self.report.check_mapping(path, value)
        if form is not None and self.report.check_choice((*path, "type"), form.get("type"), (BUTTON,)):
            self.check_part(path, form)

    def check_picture(self, path: Path, form: Json) -> None:
        self.report.check_known(path, form, _PICTURE)
        self.report.check_url((*path, "media", "url"), form["media"].get("url"))
        if form.get("description") is not None:
            self.report.check_text((*path, "description"), form["description"], 1024, least=1)


_IN_CONTAINER = (ROW, SECTION, TEXT_DISPLAY, GALLERY, SEPARATOR)
_TOP_LEVEL = (*_IN_CONTAINER, CONTAINER)


def check_layout(report: FormReport, value: Any) -> list[Json]:
    """Components V2. The codes of the two limits over all are guesses."""
    tree = _LayoutTree(report)
    tree.check_parts(("components",), value, _TOP_LEVEL, _MOST_COMPONENTS)
    if tree.components > _MOST_COMPONENTS:
        report.add_error(("components",), "BASE_TYPE_BAD_LENGTH", f"At most {_MOST_COMPONENTS} components.")
    if tree.characters > _MOST_TEXT:
        report.add_error(("components",), "BASE_TYPE_BAD_LENGTH", f"At most {_MOST_TEXT} characters of text.")
    return value if isinstance(value, list) else []


def find_interactive(components: list[Json]) -> list[Json]:
    """Every button and select of a message, in order."""
    found: list[Json] = []
    for part in components:
        if part["type"] == BUTTON or part["type"] in SELECTS:
            found.append(part)
        found += find_interactive(part.get("components") or [])
        found += find_interactive([part["accessory"]] if "accessory" in part else [])
    return found


def find_texts(components: list[Json]) -> list[str]:
    """Every text display of a message, in order."""
    texts: list[str] = []
    for part in components:
        texts += [part["content"]] if part["type"] == TEXT_DISPLAY else find_texts(part.get("components") or [])
    return texts


def check_components(report: FormReport, value: Any) -> list[Json]:
    tree = _ComponentTree(report)
    rows = report.check_sequence(("components",), value, 5)
    for index, raw in enumerate(rows):
        path: Path = ("components", index)
        row = report.check_mapping(path, raw)
        if row is None:
            continue
        if row.get("type") in _V2_TYPES:
            report.add_error((*path, "type"), "UNION_TYPE_CHOICES", "This component needs the flag IS_COMPONENTS_V2.")
        elif report.check_choice((*path, "type"), row.get("type"), (ROW,)):
            tree.check_row(path, row)
    return rows


def check_modal(report: FormReport, form: Json) -> None:
    """A modal: title, custom id, and one to five rows or labels with one field each."""
    report.check_known((), form, frozenset({"title", "custom_id", "components"}))
    report.check_text(("title",), form.get("title"), 45, least=1)
    report.check_text(("custom_id",), form.get("custom_id"), 100, least=1)
    tree = _ComponentTree(report)
    for index, raw in enumerate(report.check_sequence(("components",), form.get("components"), 5, least=1)):
        path: Path = ("components", index)
        part = report.check_mapping(path, raw)
        if part is not None and report.check_choice((*path, "type"), part.get("type"), (ROW, LABEL, TEXT_DISPLAY)):
            _check_modal_part(tree, path, part)


def _check_modal_part(tree: _ComponentTree, path: Path, part: Json) -> None:
    report = tree.report
    if part["type"] == ROW:
        report.check_known(path, part, _ROW)
        for index, raw in enumerate(report.check_sequence((*path, "components"), part.get("components"), 1, least=1)):
            if report.check_choice((*path, "components", index, "type"), raw.get("type"), (TEXT_INPUT,)):
                tree.check_text_input((*path, "components", index), raw, labelled=False)
    elif part["type"] == LABEL:
        report.check_known(path, part, _LABEL)
        report.check_text((*path, "label"), part.get("label"), 45, least=1)
        tree.check_optional_text(path, part, "description", 100)
        inside = report.check_mapping((*path, "component"), part.get("component"))
        if inside is not None and inside.get("type") == TEXT_INPUT:
            tree.check_text_input((*path, "component"), inside, labelled=True)
        elif inside is not None:
            tree.check_child((*path, "component"), inside)
