"""An operator's policy as people read it: in force today, every version, what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from functools import wraps
from typing import Any

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import get_language_info, gettext

from registry.choices import Language
from registry.clause_changes import changes
from registry.clauses import Clause, restored
from registry.models import Operator, PolicyText, PolicyVersion
from registry.public.pages import languages_of, operator_of, page, sorry, speak
from registry.services.policies import PolicyState, policy_in_force, policy_state, with_next
from registry.services.policy_papers import policy_pdf

READS = ("GET", "HEAD")
View = Callable[..., HttpResponse]


def of_operator(view: View) -> View:
    """Finds the operator and the reader's language; whatever is not there is one page."""

    @wraps(view)
    def looked(request: HttpRequest, code: str, **where: Any) -> HttpResponse:
        # What people have read stays readable, also after the operator takes no new cases.
        operator = operator_of(code, active=False)
        speak(request, operator)
        if request.method not in READS:
            answer = sorry(
                request, operator, 405, gettext("This was not understood"),
                [gettext("Open the page in a browser.")],
            )  # fmt: skip
            answer.headers["Allow"] = ", ".join(READS)
            return answer
        if operator is None:
            return _nothing(request, None)
        try:
            return view(request, operator, **where)
        except Http404:
            return _nothing(request, operator)

    return looked


def _nothing(request: HttpRequest, operator: Operator | None) -> HttpResponse:
    links = {}
    if operator is not None:
        links = {
            "again_link": _link(request, "versions", operator),
            "again_text": gettext("All versions of the policy"),
        }
    return sorry(
        request, operator, 404, gettext("There is no such page"),
        [gettext("No policy is published under this address.")], **links,
    )  # fmt: skip


# --- pages -------------------------------------------------------------------------------------
@of_operator
def policy(request: HttpRequest, operator: Operator) -> HttpResponse:
    """The version in force today, in the reader's language if it has one."""
    found = policy_in_force(operator, today=_today(operator))
    if found is None:
        return sorry(
            request, operator, 404, gettext("No policy is in force yet"),
            [gettext("As soon as one is, it stands here.")],
            again_link=_link(request, "versions", operator),
            again_text=gettext("All versions of the policy"),
        )  # fmt: skip
    has = set(found.texts.values_list("language", flat=True))
    wanted = [request.LANGUAGE_CODE, *languages_of(operator)]
    language = next(one for one in wanted if one in has)
    return _version_page(request, operator, found.number, language)


@of_operator
def version(request: HttpRequest, operator: Operator, number: int, language: str) -> HttpResponse:
    """One version at its permanent address."""
    return _version_page(request, operator, number, language)


@of_operator
def versions(request: HttpRequest, operator: Operator) -> HttpResponse:
    """All that was ever published, the newest first."""
    today = _today(operator)
    rows = list(
        with_next(PolicyVersion.objects.filter(operator=operator).published())
        .prefetch_related(Prefetch("texts", PolicyText.objects.defer("text", "clauses")))
        .order_by("-in_force_on")
    )
    listed = []
    for place, row in enumerate(rows):
        has = _languages(operator, row)
        before = rows[place + 1] if place + 1 < len(rows) else None
        both = [one for one in has if before and one in _languages(operator, before)]
        listed.append(
            {
                "row": row,
                "name": _name(row),
                "state": policy_state(row, today=today),
                "links": [
                    (one, _in_own_words(one), _link(request, "version", operator, row.number, one))
                    for one in has
                ],
                "changes": _link(request, "changes", operator, before.number, row.number, both[0])
                if before and both
                else "",
            }
        )
    context = {"title": gettext("All versions of the policy"), "versions": listed}
    return _page(request, operator, "public/policy_versions.html", context)


@of_operator
def changed(
    request: HttpRequest, operator: Operator, before: int, after: int, language: str
) -> HttpResponse:
    """What differs between two versions, clause by clause."""
    old, new = (_text(operator, number, language) for number in (before, after))

    def there(number: int) -> str:
        return _link(request, "version", operator, number, language)

    context = {
        "title": gettext("What changed in the policy"),
        "old": {"name": _name(old.version), "link": there(before)},
        "new": {"name": _name(new.version), "link": there(after)},
        "language": language,
        "changes": changes(restored(old.clauses), restored(new.clauses)),
    }
    return _page(request, operator, "public/policy_changes.html", context)


@of_operator
def version_pdf(
    request: HttpRequest, operator: Operator, number: int, language: str
) -> HttpResponse:
    """The version to print and to keep, with its number, dates and digest."""
    text = _text(operator, number, language)
    name = f"policy-{operator.code}-{number}-{language}.pdf"
    return _file(policy_pdf(text), "application/pdf", name)


@of_operator
def version_text(
    request: HttpRequest, operator: Operator, number: int, language: str
) -> HttpResponse:
    """The text as it was taken, byte by byte: the digest is of these bytes."""
    text = _text(operator, number, language)
    name = f"policy-{operator.code}-{number}-{language}.txt"
    return _file(text.text.encode(), "text/plain; charset=utf-8", name)


# --- inside ------------------------------------------------------------------------------------
def _today(operator: Operator) -> date:
    return timezone.localdate(timezone.now(), operator.zone)


def _text(operator: Operator, number: int, language: str) -> PolicyText:
    """The published text; a draft is for nobody."""
    text = (
        PolicyText.objects.select_related("version")
        .filter(
            version__operator=operator,
            version__number=number,
            version__published_at__isnull=False,
            language=language,
        )
        .first()
    )
    if text is None:
        raise Http404
    text.version.operator = operator
    return text


def _version_page(
    request: HttpRequest, operator: Operator, number: int, language: str
) -> HttpResponse:
    row = (
        with_next(PolicyVersion.objects.filter(operator=operator, number=number).published())
        .prefetch_related("texts")
        .first()
    )
    text = next((one for one in row.texts.all() if one.language == language), None) if row else None
    if row is None or text is None:
        raise Http404
    row.operator = operator
    state = policy_state(row, today=_today(operator))
    context = {
        "title": gettext("Personal data policy"),
        "row": row,
        "name": _name(row),
        "text": text,
        "state": state,
        "superseded": state == PolicyState.SUPERSEDED,
        "to_come": state == PolicyState.PUBLISHED,
        "clauses": anchored(restored(text.clauses)),
        "here": request.build_absolute_uri(
            reverse("public_policy_version", args=[operator.code, number, language])
        ),
        "pdf": _link(request, "pdf", operator, number, language),
        "plain": _link(request, "text", operator, number, language),
        "versions": _link(request, "versions", operator),
        "current": _link(request, "", operator),
        "others": [
            (one, _in_own_words(one), _link(request, "version", operator, number, one))
            for one in _languages(operator, row)
            if one != language
        ],
        "form_link": _form_link(operator),
    }
    return _page(request, operator, "public/policy.html", context)


def anchored(clauses: Iterable[Clause]) -> list[dict[str, Any]]:
    """The clauses with the anchors of the page: ``c-5.2``; one that comes again, ``c-5.2-2``."""
    times: Counter[str] = Counter()
    found = []
    for clause in clauses:
        times[clause.number] += 1
        again = f"-{times[clause.number]}" if times[clause.number] > 1 else ""
        found.append(
            {
                "number": clause.number,
                "heading": clause.heading,
                "text": clause.text,
                "anchor": f"c-{clause.number}{again}" if clause.number else "",
                "chapter": len(clause.parts) == 1,
            }
        )
    return found


def _page(
    request: HttpRequest, operator: Operator, template: str, context: dict[str, Any]
) -> HttpResponse:
    # The foot of the page leads to the policy: here it would lead in a circle.
    circle = {"policy_link": "", "site_link": "", "indexed": True}
    response = page(request, operator, template, circle | context)
    # A policy is for everybody to find (152-FZ 18.1(2), 94-V 25(2)(1-1)).
    del response.headers["X-Robots-Tag"]
    return response


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=kind, headers=headers)


def _link(request: HttpRequest, name: str, operator: Operator, *where: Any) -> str:
    """The address of a page; what the reader asked for by hand stays asked for."""
    path = reverse(f"public_policy{name and '_'}{name}", args=[operator.code, *where])
    asked = request.GET.get("lang", "")
    return f"{path}?lang={asked}" if asked in Language.values else path


def _name(row: PolicyVersion) -> str:
    name = gettext("Version %(number)s") % {"number": row.number}
    return f"{name} ({row.label})" if row.label else name


def _in_own_words(language: str) -> str:
    return str(get_language_info(language)["name_local"]).capitalize()


def _languages(operator: Operator, row: PolicyVersion) -> list[str]:
    has = {text.language for text in row.texts.all()}
    return [one for one in languages_of(operator) if one in has]


def _form_link(operator: Operator) -> str:
    """The form for requests, where the office has one: its pages lie above the register."""
    if not operator.is_active:
        return ""
    try:
        return reverse("public_form", args=[operator.code])
    except NoReverseMatch:
        return ""
