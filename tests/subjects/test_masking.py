"""Masks: enough to recognise a value, not enough to copy it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subjects import values
from subjects.masking import HIDDEN, SHOWN_TOGETHER, mask
from subjects.values import UnknownFormat

MASKS = [
    ("name", "Иванов Пётр Сергеевич", "И. П. С."),
    ("name", "Иванова-Петрова Анна", "И. А."),
    ("name", "әлия", "Ә."),
    ("name", "Ли Си Цын Ван Чжан", "Л. С. Ц. В."),
    ("name", "' Анна", "А."),
    # The full mask would repeat the value.
    ("name", "И.", "И. •••"),
    ("name", "И. П. С.", "И. •••"),
    ("name", "И. П. Сергеев", "И. •••"),
    ("email", "ivanov@mail.kz", "i•••@m•••.kz"),
    ("email", "a@b.com", "a•••@b•••.com"),
    ("email", "почта@пример.қаз", "п•••@п•••.қаз"),
    ("email", "anna@museum.online", "a•••@m•••.•••"),
    ("phone", "+77474519454", "••• 94 54"),
    ("iin", "900101300007", "••• 0007"),
    ("bin", "230140037871", "••• 7871"),
    ("account", "nickname", "•••me"),
    ("account", "nickn", HIDDEN),
    ("ip", "192.0.2.1", HIDDEN),
    ("moment", "2025-03-01", "2025"),
    ("moment", "2025-03-01T10:00:00+05:00", "2025"),
    ("choice", "married", HIDDEN),
    ("text", "a long story", HIDDEN),
    ("log", "GET /", HIDDEN),
    ("image", "scan", HIDDEN),
    # Not what check() stores, yet nothing may leak.
    ("phone", "9454", HIDDEN),
    ("iin", "0007", HIDDEN),
    ("email", "anna", HIDDEN),
    ("name", "123", HIDDEN),
    ("moment", "yesterday", HIDDEN),
    ("text", HIDDEN, HIDDEN + "•"),
    *((format, "", HIDDEN) for format in sorted(values.FORMATS)),
]


@pytest.mark.parametrize(("format", "value", "masked"), MASKS)
def test_what_is_shown(format, value, masked):
    assert mask(format, value) == masked


def test_an_unknown_format_is_refused():
    with pytest.raises(UnknownFormat):
        mask("diary", "dear diary")


PLAUSIBLE = st.one_of(
    st.text(max_size=40),
    st.text("абв. •@-0123", max_size=16),
    st.emails(),
    st.from_regex(r"\+[0-9]{8,15}", fullmatch=True),
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.dates().map(str),
    st.lists(st.from_regex(r"[А-Я]\.|[А-Я][а-я]+", fullmatch=True), max_size=5).map(" ".join),
)


@given(st.sampled_from(sorted(values.FORMATS)), PLAUSIBLE)
@example("email", "i•••@m•••.kz")
@example("account", "•••••••••me")
@example("text", "••••••")
def test_a_mask_cannot_be_copied(format, value):
    masked = mask(format, value)
    assert masked
    assert masked != value
    if len(value) >= 6:
        told = SHOWN_TOGETHER + 1
        runs = {value[start : start + told] for start in range(len(value) - told + 1)}
        assert not any(run in masked for run in runs)
