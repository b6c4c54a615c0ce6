"""The register of an operator as a file, from its card: whoever may see the card may take it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http import HttpResponseNotAllowed as NotAllowed
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language

from registry.services.register_export import (
    MEDIA_TYPES,
    ExportFormat,
    export_name,
    register_export,
)


class WithExport:
    """Gives the admin of operators the register of each as JSON, XLSX and PDF; beside
    ``WithFindings``, which finds the operator among those that the user may see.

    Taking it leaves no trace: the register is not people's data.
    """

    admin_site: Any
    _one: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.register_file_view)
        return [
            path("<path:object_id>/register/<str:format>/", view, name="register_file"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        context["export_formats"] = ExportFormat
        return super().render_change_form(request, context, *args, **kw)

    def register_file_view(self, request: HttpRequest, object_id: str, format: str) -> HttpResponse:
        """In the reader's language, or in that of ``?language=``."""
        operator = self._one(request, object_id)
        if format not in ExportFormat.values:
            raise Http404
        if request.method not in {"GET", "HEAD"}:
            return NotAllowed(["GET", "HEAD"])
        language = request.GET.get("language") or get_language() or "en"
        now = timezone.now()
        content = register_export(operator=operator, format=format, language=language, now=now)
        name = export_name(operator, format, language, now)
        return HttpResponse(
            content,
            content_type=MEDIA_TYPES[ExportFormat(format)],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
