"""Which files are refused whole, and how a file is cut into records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import OperatorError
from subjects.models import DataSubject, SubjectImport
from subjects.services.importing import errors
from subjects.services.importing.reading import (
    LONGEST_RECORD,
    file_source,
    records,
    scan,
    stream_source,
)
from tests.conftest import Office
from tests.subjects.test_import_common import ROW, counts, imported, published, table

PLAIN = table(ROW)
HEADER, LINE = PLAIN.split(b"\r\n")[:2]

REFUSED: list[tuple[str, bytes, type[OperatorError], str]] = [
    ("empty", b"", errors.FileEmpty, ""),
    ("blank", b"\n\n", errors.FileEmpty, ""),
    ("header only", HEADER + b"\n", errors.FileHasNoRows, ""),
    ("header and blank lines", HEADER + b"\n\n \n", errors.FileHasNoRows, ""),
    ("no account", PLAIN.replace(b"account", b"acount"), errors.AccountColumnMissing, ""),
    ("no header", LINE + b"\n" + LINE, errors.AccountColumnMissing, ""),
    ("unknown column", PLAIN.replace(b"email", b"canary"), errors.ColumnUnknown, "Column 3"),
    ("column twice", PLAIN.replace(b"email", b"full_name"), errors.ColumnTwice, "2 and 3"),
    ("account twice", PLAIN.replace(b"email", b"account"), errors.ColumnTwice, "1 and 3"),
    ("utf-16", PLAIN.decode().encode("utf-16"), errors.FileIsUtf16, ""),
    ("utf-16 without mark", PLAIN.decode().encode("utf-16-le"), errors.FileIsUtf16, ""),
    ("cp1251", PLAIN.decode().encode("cp1251"), errors.FileIsCp1251, "line 2"),
    ("latin", PLAIN + b"x,\xe9\xff\n", errors.EncodingsMixed, "Line 3"),
    ("no utf-8", HEADER + b"\nx,\xa4\xb1\n", errors.FileNotUtf8, "Line 2"),
    ("cut letter", PLAIN + "ы".encode()[:1], errors.FileNotUtf8, "Line 3"),
    (
        "mixed",
        PLAIN + LINE.decode().encode("cp1251") + b"\n",
        errors.EncodingsMixed,
        "Line 3",
    ),
    ("nul", PLAIN + b"a\0b\n", errors.NulByte, "Line 3"),
    ("long line", PLAIN + b"x" * (LONGEST_RECORD + 1), errors.LineTooLong, "Line 3"),
    (
        "open quote",
        HEADER + b'\n"u-1,' + LINE + b"\n" + LINE * 9,
        errors.QuoteNotClosed,
        "line 2",
    ),
    (
        "open quote in a long file",
        HEADER + b'\n"u-1,x\n' + (LINE + b"\n") * 20_000,
        errors.QuoteNotClosed,
        "line 2",
    ),
]


@pytest.mark.parametrize(
    ("content", "refusal", "says"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_a_file_that_no_row_can_be_taken_from_is_refused_whole(
    office: Office, content: bytes, refusal: type[OperatorError], says: str
) -> None:
    published(office.pandev.operator, office.pandev.dpo)
    with pytest.raises(refusal) as refused:
        imported(office.pandev, content)
    assert type(refused.value) is refusal and says in str(refused.value)
    assert "canary" not in str(refused.value)
    assert not SubjectImport.objects.exists() and not DataSubject.objects.exists()


def test_a_refusal_names_the_columns_that_there_may_be(office: Office) -> None:
    with pytest.raises(errors.ColumnUnknown) as refused:
        imported(office.pandev, PLAIN.replace(b"email", b"canary"))
    assert "email" in str(refused.value) and "consent_text" in str(refused.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_usual_delimiters_and_a_byte_order_mark_are_read(
    office: Office, delimiter: str, mark: bytes
) -> None:
    published(office.pandev.operator, office.pandev.dpo)
    run = imported(office.pandev, mark + table(ROW, delimiter=delimiter))
    assert counts(run)["new"] == 1


def test_missing_files_and_folders_are_refused_by_the_systems_words(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(errors.FileUnreadable):
            scan(file_source(path))


# --- records -------------------------------------------------------------------------------------
TEXT = b'account,note\r\n1,"a\nb"\n\n2,"say ""so"",\n\n\nyes"\r\n3,\xd1\x8b\n4,\r still 4\n5,last'
WANTED = [(1, b"account,note\r\n"), (2, b'1,"a\nb"\n'), (4, b"\n"),
          (5, b'2,"say ""so"",\n\n\nyes"\r\n'), (9, b"3,\xd1\x8b\n"), (10, b"4,\r still 4\n"),
          (11, b"5,last")]  # fmt: skip


def _cut(content: bytes, size: int) -> Iterator[bytes]:
    return iter([content[place : place + size] for place in range(0, len(content), size)])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_records_are_the_same_however_the_pieces_are_cut(size: int) -> None:
    assert [(r.line, r.raw) for r in records(_cut(TEXT, size))] == WANTED


def test_reading_goes_on_from_wherever_a_record_ended() -> None:
    source = stream_source(lambda: _cut(TEXT, 5))
    found = list(records(source(0)))
    for number, record in enumerate(found[:-1]):
        line = found[number + 1].line
        rest = list(records(source(record.end), line=line, start=record.end))
        assert rest == found[number + 1 :]


def test_the_digest_is_that_of_the_file_and_the_body_begins_after_the_header() -> None:
    found = scan(stream_source(lambda: _cut(b"\xef\xbb\xbf" + TEXT, 4)))
    assert found.header == ("account", "note") and found.body_line == 2
    assert found.body == 3 + len(b"account,note\r\n") and found.size == 3 + len(TEXT)


def test_many_short_lines_inside_one_quote_are_refused_quickly() -> None:
    with pytest.raises(errors.QuoteNotClosed):
        list(records(iter([b'"' + b"\n" * (LONGEST_RECORD * 2)])))
