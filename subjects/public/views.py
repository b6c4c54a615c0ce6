"""The answer of a system to a call: what it has destroyed, signed with the secret of both."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from registry.errors import OperatorError
from registry.tasks import ring
from subjects.services.calling import AnswerUnreadable, answer_take, call_for, hook_of
from subjects.tasks import sweep_destruction
from subjects.webhooks import (
    ANSWER,
    ANSWER_LIMIT,
    SIGNATURE_HEADER,
    TIME_HEADER,
    CallFailed,
    is_signed,
    read,
)


@csrf_exempt
@require_POST
def system_answer(request: HttpRequest, act: int, system: int) -> HttpResponse:
    """200 with how many data are recorded; all of what is said, or nothing.

    403: not signed with the secret of that system, or not within five minutes; an act or a system
    that is not there answers alike. 413: too large. 422: unreadable, or a card of which nothing
    waits there. 409: what must not be destroyed, or an act that is over. No word of the body stands
    in an answer or a log.
    """
    # Django itself counts a length that is no number as none.
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > ANSWER_LIMIT:
        return JsonResponse({"error": "too large"}, status=413)
    body = request.body
    row = call_for(act, system)
    hook = hook_of(row.act.operator.code, row.system.code) if row is not None else None
    now = timezone.now()
    if row is None or hook is None or not is_signed(
        hook.secret, who=ANSWER, path=request.path, at=request.headers.get(TIME_HEADER, ""),
        sign=request.headers.get(SIGNATURE_HEADER, ""), body=body, now=now.timestamp(),
    ):  # fmt: skip
        return JsonResponse({"error": "not signed"}, status=403)
    try:
        count = answer_take(row=row, said=read(body), how=row.key, now=now)
    except CallFailed:
        return _refused(AnswerUnreadable())
    except OperatorError as error:
        return _refused(error)
    if count:
        ring(sweep_destruction)
    return JsonResponse({"confirmed": count})


def _refused(error: OperatorError) -> HttpResponse:
    """Its class and its English sentence: it names a line or an act, never a person."""
    with override("en"):
        said = {"error": type(error).__name__, "why": str(error)}
    return JsonResponse(said, status=error.status)
