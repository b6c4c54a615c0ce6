"""What the form may send: little, in memory, and nothing that was not asked for."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from requests.public.forms import RequestForm
from requests.services.letters import FILE_BYTES, FILES_LIMIT

# All files, the texts (a letter takes three bytes at most, written for a form nine), the frame.
BODY_BYTES = FILES_LIMIT * FILE_BYTES + 512 * 1024


class FormHandler(FileUploadHandler):
    """Keeps the files of the form in memory; drops one that is too big and remembers its field."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.too_big: set[str] = set()
        self.file = BytesIO()

    def new_file(self, field_name: str, *args: Any, **kw: Any) -> None:
        super().new_file(field_name, *args, **kw)
        if field_name not in RequestForm.FILES:
            raise SkipFile
        self.file = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > FILE_BYTES:
            self.file = BytesIO()
            self.too_big.add(str(self.field_name))
            raise SkipFile
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.file.seek(0)
        return InMemoryUploadedFile(
            file=self.file,
            field_name=self.field_name,
            # The name that it came with is somebody's, and nothing needs it.
            name="file",
            content_type=None,  # type: ignore[arg-type]
            size=file_size,
            charset=None,
        )
