"""What an import refuses, by name. No parameter ever holds a cell or a part of one."""

from __future__ import annotations

from registry.errors import Conflict, OperatorError, gettext_noop


# --- the whole file ------------------------------------------------------------------------------
class FileRefused(OperatorError):
    """Nothing of the file is taken."""

    template = gettext_noop("This file cannot be imported.")


class FileUnreadable(FileRefused):
    template = gettext_noop("The file cannot be read: %(reason)s.")


class FileEmpty(FileRefused):
    template = gettext_noop("The file is empty.")


class FileHasNoRows(FileRefused):
    template = gettext_noop("The file has a header and no rows.")


class FileIsUtf16(FileRefused):
    template = gettext_noop("The file is in UTF-16; save it as UTF-8.")


class FileIsCp1251(FileRefused):
    template = gettext_noop(
        "The file is not in UTF-8; it looks like Windows-1251 (line %(line)s). Save it as UTF-8."
    )


class FileNotUtf8(FileRefused):
    template = gettext_noop("Line %(line)s has a byte that is not UTF-8; save the file as UTF-8.")


class EncodingsMixed(FileRefused):
    template = gettext_noop(
        "Line %(line)s is in another encoding than the lines before it, which are UTF-8."
    )


class NulByte(FileRefused):
    template = gettext_noop("Line %(line)s has a zero byte: this is no text file.")


class LineTooLong(FileRefused):
    template = gettext_noop("Line %(line)s is longer than %(limit)s bytes.")


class QuoteNotClosed(FileRefused):
    template = gettext_noop("A quotation mark is opened on line %(line)s and never closed.")


class AccountColumnMissing(FileRefused):
    template = gettext_noop("The header has no column account: it says whose row it is.")


class ColumnUnknown(FileRefused):
    """By its number: a file without a header has somebody's data there."""

    template = gettext_noop(
        "Column %(number)s of the header is not known. The columns may be: %(known)s."
    )


class ColumnTwice(FileRefused):
    template = gettext_noop("Columns %(first)s and %(number)s of the header have the same name.")


class ColumnNotPersonal(FileRefused):
    template = gettext_noop(
        "%(column)s is no personal data: it does not belong on the card of a person. "
        "Take the column out."
    )


class ColumnOpenEnded(FileRefused):
    template = gettext_noop(
        "%(column)s does not say what it contains: make it concrete in the register first "
        "(152-FZ 5(5), 94-V 7(9))."
    )


class ColumnBeyondTheList(FileRefused):
    template = gettext_noop(
        "%(column)s is not on the list of necessary data that was signed: sign a new list first, "
        "or take the column out (94-V 25(2)(1), 152-FZ 5(5))."
    )


class ColumnNeedsFiles(FileRefused):
    template = gettext_noop("%(column)s is an image: it cannot come in a table.")


class OtherImportRuns(Conflict):
    template = gettext_noop("Another import of %(operator)s is running; try again when it is done.")


class NotWaiting(Conflict):
    template = gettext_noop("This import is not waiting: it is done, or was refused.")


class ImportDisturbed(Conflict):
    template = gettext_noop(
        "Keys or cards were changed again and again while the import ran; start it once more."
    )


class UploadTooBig(FileRefused):
    status = 413
    template = gettext_noop(
        "The file is larger than %(limit)s MB. Bring it in with the command import_subjects."
    )


class ConflictDecided(Conflict):
    template = gettext_noop("This conflict has been decided already.")


class NotADecision(OperatorError):
    template = gettext_noop("A conflict ends by linking the cards or as two different people.")


# --- one row -------------------------------------------------------------------------------------
class RowRefused(OperatorError):
    template = gettext_noop("This row cannot be taken.")


class QuotesWrong(RowRefused):
    template = gettext_noop("The quotation marks of this row are wrong.")


class CellsWrong(RowRefused):
    template = gettext_noop("The row has %(cells)s cells; the header has %(wanted)s.")


class CellMissing(RowRefused):
    template = gettext_noop("This cell is empty; the row needs it.")


class CellWithoutActivity(RowRefused):
    template = gettext_noop("This cell is filled in, and the row names no activity.")


class ActivityUnknown(RowRefused):
    template = gettext_noop("The register has no processing activity of this code.")


class BasisUnknown(RowRefused):
    template = gettext_noop("The law of the operator has no legal basis of this code.")


class TextUnknown(RowRefused):
    template = gettext_noop(
        "There is no consent text of this code and version; write it like registration-1."
    )


class ChannelUnknown(RowRefused):
    template = gettext_noop("No channel is called this. The channels are: %(known)s.")


class ScopeUnknown(RowRefused):
    template = gettext_noop("No scope is called this. The scopes are: %(known)s.")


class ScopeTwice(RowRefused):
    template = gettext_noop("A scope is named twice.")


class DayWrong(RowRefused):
    template = gettext_noop("This is not a date; write it as YYYY-MM-DD.")


class RowNotCovered(RowRefused):
    template = gettext_noop(
        "%(category)s cannot be held: no ground of this person covers it today (152-FZ 6, 94-V 7)."
    )


class OtherLineSays(RowRefused):
    template = gettext_noop("Line %(line)s of the file says something else about this account.")


class SeveralValues(RowRefused):
    template = gettext_noop(
        "The card %(code)s has several values of %(category)s; change the right one there."
    )


class DestroyedSince(RowRefused):
    template = gettext_noop(
        "%(category)s of %(code)s was destroyed on %(day)s, and this row is older than that."
    )


class RowBlocked(RowRefused):
    template = gettext_noop(
        "%(label)s blocks the data of %(code)s since %(day)s: nothing is imported over them "
        "(152-FZ 3(7), 21, 94-V 25(2)(8))."
    )
