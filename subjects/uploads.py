"""Uploads that stay in memory, up to a limit; nothing of them ever touches the disk unsealed."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from subjects.services.importing import errors

MEGABYTE = 1024 * 1024
MARK = "office_upload_too_big"


class LimitedMemoryHandler(FileUploadHandler):
    """Keeps files in memory and drops one that goes beyond ``IMPORT_LIMIT_MB``, with a mark.

    Django's own handler for memory passes bigger files by as if none had been chosen. This one
    cannot refuse by itself either: the form is first read where no refusal is shown (by the guard
    against forged forms). The page asks ``require_small``.
    """

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        # Nobody who is not logged in uploads anything: they get what a form needs.
        known = request is not None and settings.SESSION_COOKIE_NAME in request.COOKIES
        self.limit = (
            settings.IMPORT_LIMIT_MB * MEGABYTE if known else settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        )
        self.taken = 0
        self.file = BytesIO()

    def new_file(self, *args: Any, **kw: Any) -> None:
        super().new_file(*args, **kw)
        self.file = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.taken += len(raw_data)
        if self.taken > self.limit:
            self.file = BytesIO()
            setattr(self.request, MARK, True)
            raise SkipFile
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.file.seek(0)
        return InMemoryUploadedFile(
            file=self.file,
            field_name=self.field_name,
            name=str(self.file_name),
            content_type=str(self.content_type),
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )


def require_small(request: HttpRequest) -> None:
    """Refuse (413) when a file of this request was dropped for its size."""
    if getattr(request, MARK, False):
        raise errors.UploadTooBig(limit=settings.IMPORT_LIMIT_MB)
