"""The data map on a page of its own: a picture, and the same in words below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.admin.utils import quote, unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from registry.choices import DataKind, RecipientKind
from registry.data_map import (
    UNSAID,
    Border,
    Gift,
    Layer,
    Node,
    Register,
    draw,
    part,
    rows,
)
from registry.map_layout import LEFTS, PAGE, Frame, Part, Picture, lay_out
from registry.models import DataCategory, InformationSystem, Operator, Purpose, Recipient
from registry.services.map_facts import map_facts
from registry.transfer_steps import STATE_WORDS, State

MODELS = {
    Layer.PURPOSES: Purpose,
    Layer.DATA: DataCategory,
    Layer.SYSTEMS: InformationSystem,
    Layer.RECIPIENTS: Recipient,
}
MARKED = {DataKind.SPECIAL, DataKind.BIOMETRIC}
# More ranges of numbers than this over one arrow say less than how many there are.
RANGES = 6
LOOKS = {"": "none", State.OPEN: "open", State.BANNED: "banned", State.ENDED: "ended"}


# --- words ---------------------------------------------------------------------------------------
def unsaid(layer: Layer) -> str:
    if layer == Layer.DATA:
        return gettext("Data are not named")
    return gettext("No system is named")


def place(node: Node) -> str:
    """Kind and country of a system or recipient."""
    country = node.country_name or gettext("country not known")
    if node.layer == Layer.RECIPIENTS:
        return f"{RecipientKind(node.kind).label} · {country}"
    return country


def gate_words(state: str) -> str:
    return gettext(STATE_WORDS[state]) if state else gettext("no gate")


def border_words(border: Border) -> str:
    if border == Border.HOME:
        return ""
    return (
        gettext("crosses the border")
        if border == Border.ABROAD
        else gettext("may cross the border")
    )


def ranges(numbers: Iterable[int]) -> list[str]:
    """1, 2, 3, 5 as 1–3 and 5."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return [f"{first}–{last}" if last > first else f"{first}" for first, last in runs]


class MapWords:
    """What is written on one map, in the reader's language."""

    def __init__(self, register: Register) -> None:
        self.purposes = {node.number for node in register.of(Layer.PURPOSES)}

    def row(self, node: Node) -> list[Part]:
        if node.pk == UNSAID:
            return [Part(unsaid(node.layer), "unsaid")]
        found = [Part(node.name)]
        if node.ended:
            found.append(Part(gettext("has ended"), "mark", small=True))
        if node.layer == Layer.DATA and node.kind in MARKED:
            found.append(Part(f"◆ {DataKind(node.kind).label}", "alert", small=True))
        elif node.layer in (Layer.SYSTEMS, Layer.RECIPIENTS):
            css = "note" if node.border == Border.HOME else "alert"
            found.append(Part(place(node), css, small=True))
        return found

    def more(self, count: int) -> list[Part]:
        text = ngettext(
            "and %(count)s more: see the table", "and %(count)s more: see the table", count
        )
        return [Part(text % {"count": count}, "mark", small=True)]

    def arrow(
        self, border: Border, state: str, purposes: tuple[int, ...], ended: bool
    ) -> list[Part]:
        found = []
        if border != Border.HOME:
            found.append(Part(border_words(border), "alert"))
        if purposes:
            found.append(Part(gate_words(state), f"gate-{look(state)}"))
            found.append(Part(self._purposes(purposes), "note"))
        if ended and found and state != State.ENDED:
            found.append(Part(gettext("has ended"), "note"))
        return found

    def _purposes(self, numbers: tuple[int, ...]) -> str:
        if len(numbers) > 1 and self.purposes == set(numbers):
            return gettext("for all purposes")
        shown = ranges(numbers)
        if len(shown) > RANGES:
            count = len(numbers)
            return ngettext("for %(count)s purpose", "for %(count)s purposes", count) % {
                "count": count
            }
        text = ngettext("for purpose %(numbers)s", "for purposes %(numbers)s", len(numbers))
        return text % {"numbers": ", ".join(shown)}


def look(state: str) -> str:
    """The class of an arrow by the state of its gate."""
    return LOOKS.get(state, "closed")


def link(node: Node | None) -> str:
    """The page of a row; empty for what is no row."""
    if node is None or node.pk == UNSAID:
        return ""
    return reverse(f"admin:registry_{MODELS[node.layer]._meta.model_name}_change", args=[node.pk])


def columns() -> list[str]:
    return [
        gettext("Purposes"),
        gettext("Data"),
        gettext("Information systems"),
        gettext("Recipients"),
    ]


def summary(register: Register) -> str:
    """The picture in two sentences, for whoever hears it."""
    counts = {
        "purposes": len(register.of(Layer.PURPOSES)),
        "data": len(register.of(Layer.DATA)),
        "systems": len(register.of(Layer.SYSTEMS)),
        "recipients": len(register.of(Layer.RECIPIENTS)),
    }
    gifts: list[Gift] = [gift for one in register.activities for gift in one.gifts]
    beyond = {node.pk for node in register.of(Layer.RECIPIENTS) if node.border != Border.HOME} & {
        gift.recipient for gift in gifts
    }
    ungated = {gift.recipient for gift in gifts if not gift.state}
    return " ".join(
        (
            gettext(
                "Purposes: %(purposes)s. Categories of data: %(data)s. Information systems: "
                "%(systems)s. Recipients: %(recipients)s."
            )
            % counts,
            gettext(
                "Recipients abroad or in a country that is not known, to whom data are given: "
                "%(beyond)s. Recipients without a gate: %(ungated)s. The table below the picture "
                "says the same in words."
            )
            % {"beyond": len(beyond), "ungated": len(ungated)},
        )
    )


# --- what the templates show ---------------------------------------------------------------------
def picture_context(picture: Picture) -> dict[str, Any]:
    """The places with the classes and links that the drawing wants."""
    return {
        "picture": picture,
        "sheet_height": PAGE,
        "frames": [
            (frame, _box_css(frame), [(item, link(item.node)) for item in frame.items])
            for frame in picture.frames
        ]
        + [
            (frame, "apart", [(item, link(item.node)) for item in frame.items])
            for frame in picture.apart
        ],
        "branches": [
            (branch.d, _css(branch.line.border, branch.line.state, branch.line.ended, to_recipient))
            for branch in picture.branches
            for to_recipient in [bool(branch.line.purposes)]
        ],
        "trunks": [
            (trunk, _css(trunk.border, trunk.state, trunk.ended, bool(trunk.purposes)))
            for trunk in picture.trunks
        ],
        "heads": list(zip(LEFTS, columns(), strict=True)),
    }


def _box_css(frame: Frame) -> str:
    nodes = frame.box.nodes
    found = [f"border-{frame.box.border}"]
    if nodes[0].pk == UNSAID:
        found.append("unsaid")
    if all(node.ended for node in nodes):
        found.append("ended")
    return " ".join(found)


def _css(border: Border, state: str, ended: bool, to_recipient: bool) -> str:
    found = [f"border-{border}"]
    if to_recipient:
        found.append(f"gate-{look(state)}")
    if ended:
        found.append("ended")
    return " ".join(found)


def table(register: Register) -> list[dict[str, Any]]:
    """The rows in words: every fact of the picture, and which data each recipient is given."""
    return [
        {
            "purposes": [(node, link(node)) for node in row.purposes],
            "data": [_datum(node) for node in row.data] or [unsaid(Layer.DATA)],
            "systems": [f"{node.name} ({place(node)})" for node in row.systems]
            or [unsaid(Layer.SYSTEMS)],
            "gifts": [_gift(node, state, data) for node, state, data in row.gifts],
            "ended": row.ended,
        }
        for row in rows(register)
    ]


def _datum(node: Node) -> str:
    return f"{node.name} ({DataKind(node.kind).label})" if node.kind in MARKED else node.name


def _gift(node: Node, state: str, data: Sequence[Node]) -> dict[str, Any]:
    return {
        "name": f"{node.name} ({place(node)})",
        "gate": gate_words(state),
        "border": border_words(node.border),
        "given": ", ".join(one.name for one in data),
    }


# --- the pages -----------------------------------------------------------------------------------
class WithDataMap:
    """Gives the admin of operators the map of each; whoever may see the card may see the map."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("map/", view(self.maps_view), name="data_maps"),
            path("<path:object_id>/map/", view(self.map_view), name="data_map"),
            *super().get_urls(),
        ]

    def maps_view(self, request: HttpRequest) -> HttpResponse:
        """The map of the only operator that the user may see, or a list to choose from."""
        operators = list(self.get_queryset(request))
        if not operators:
            raise Http404
        if len(operators) == 1:
            return HttpResponseRedirect(reverse("admin:data_map", args=[quote(operators[0].pk)]))
        context = self.admin_site.each_context(request) | {
            "title": gettext("Data map"),
            "opts": self.opts,
            "operators": operators,
        }
        return TemplateResponse(request, "admin/registry/operator/data_maps.html", context)

    def map_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        operator = self._operator(request, unquote(object_id))
        today = timezone.now().astimezone(operator.zone).date()
        whole = map_facts(operator=operator, today=today)
        register, chosen = _chosen(whole, request.GET.get("purpose", ""))
        drawn = draw(register)
        context = (
            self.admin_site.each_context(request)
            | picture_context(lay_out(drawn, MapWords(whole)))
            | {
                "title": gettext("Data map"),
                "opts": self.opts,
                "original": operator,
                "today": today,
                "purposes": whole.of(Layer.PURPOSES),
                "chosen": chosen,
                "summary": summary(register),
                "overview": drawn.overview,
                "columns": columns(),
                "rows": table(register),
                "apart": [
                    (title, [(node, link(node)) for node in box.nodes])
                    for box in drawn.apart
                    for title in [columns()[box.layer]]
                ],
            }
        )
        return TemplateResponse(request, "admin/registry/operator/data_map.html", context)

    def _operator(self, request: HttpRequest, number: str) -> Operator:
        """Only of those that the user may see: another operator does not exist (404)."""
        if not number.isdecimal() or len(number) > 18:
            raise Http404
        found = self.get_queryset(request).select_related("jurisdiction").filter(pk=int(number))
        for operator in found:
            return operator
        raise Http404


def _chosen(whole: Register, number: str) -> tuple[Register, Node | None]:
    """The part of one purpose, if one is asked for; a purpose that is not there is 404."""
    if not number:
        return whole, None
    for node in whole.of(Layer.PURPOSES):
        if str(node.pk) == number:
            return part(whole, node.pk), node
    raise Http404
