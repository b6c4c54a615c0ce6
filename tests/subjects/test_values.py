"""Values of every format: what is stored, what is refused, and that no refusal tells it."""

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from registry.choices import DataFormat
from registry.errors import OperatorError
from registry.identifiers import WrongCheckDigit, WrongIdentifier, WrongLength
from subjects import values
from subjects.values import (
    BrokenCharacter,
    DigitInName,
    EmptyValue,
    FormulaLike,
    ImageIsUploaded,
    InvisibleCharacter,
    NameWithoutLetters,
    PhoneOfWrongLength,
    PhoneWithoutCountry,
    SignInAccount,
    SignInName,
    TooLong,
    UnknownFormat,
    WrongAddress,
    WrongEmail,
    WrongMoment,
    WrongPhone,
    WrongValue,
    check,
    looks_like_formula,
)

TYPED = sorted(values.FORMATS - {"image"})
ONE_LINE = sorted(values.FORMATS - {"image", "text", "log"})

STORED = [
    ("name", "  Иванова-Петрова  Анна\u00a0Сергеевна ", "Иванова-Петрова Анна Сергеевна"),
    ("name", "О'Нил Шон", "О'Нил Шон"),
    ("name", "Әсел Нұрсұлтанқызы", "Әсел Нұрсұлтанқызы"),
    ("name", "и\u0306од Е.\u00a0П.", "йод Е. П."),
    ("name", "王小明", "王小明"),
    ("name", "नरेंद्र", "नरेंद्र"),
    ("name", "Салтыков–Щедрин", "Салтыков–Щедрин"),
    ("email", " Aigerim.Test@MAIL.KZ\n", "Aigerim.Test@mail.kz"),
    ("email", "почта@Пример.ҚАЗ", "почта@пример.қаз"),
    ("email", "a+tag@xn--80a1acny.xn--p1ai", "a+tag@xn--80a1acny.xn--p1ai"),
    ("phone", "+7 (747) 451-94-54", "+77474519454"),
    ("phone", "8 747 451 94 54", "+77474519454"),
    ("phone", "8-495-123-45-67", "+74951234567"),
    ("phone", "8 (800) 555\u201135\u201135", "+78005553535"),
    ("phone", "77474519454", "+77474519454"),
    ("phone", "747 451 94 54", "+77474519454"),
    ("phone", "9161234567", "+79161234567"),
    ("phone", "+49 30 12345678", "+493012345678"),
    ("phone", "+84 9 1234 5678", "+84912345678"),
    ("phone", "+290 12345", "+29012345"),
    ("iin", "900101-300-007", "900101300007"),
    ("bin", "230140 037871", "230140037871"),
    ("account", " Nick_Name 7 ", "Nick_Name 7"),
    ("account", "-1001234567890", "-1001234567890"),
    ("account", "+7 747 451-94-54", "+7 747 451-94-54"),
    ("ip", "192.0.2.1", "192.0.2.1"),
    ("ip", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("ip", "::ffff:192.0.2.1", "192.0.2.1"),
    ("moment", "2025-03-01", "2025-03-01"),
    ("moment", "2025-03-01 10:00", "2025-03-01T10:00:00"),
    ("moment", "2025-03-01T10:00:30.5Z", "2025-03-01T10:00:30.500000+00:00"),
    ("moment", "2025-03-01T23:59+05:00", "2025-03-01T23:59:00+05:00"),
    ("choice", "married  with children", "married with children"),
    ("text", " first\r\nsecond\tcell\rthird ", "first\nsecond\tcell\nthird"),
    ("text", "ok \u2764\ufe0f", "ok \u2764\ufe0f"),
    ("log", "=sum(1)\n-- end", "=sum(1)\n-- end"),
]

REFUSED = [
    *((format, blank, EmptyValue) for format in TYPED for blank in ("", " \u00a0\t\n")),
    *((format, "a\ud800b", BrokenCharacter) for format in TYPED),
    *(
        (format, f"ab{sign}cd", InvisibleCharacter)
        for format in TYPED
        for sign in "\x00\x1b\x7f\u0085\u00ad\u061c\u200b\u200d\u200f\u2028\u202a\u202e"
        "\u2060\u2066\u2069\ufeff\u3164\u115f\u034f\u2800\U000e0041"
    ),
    *((format, f"ab{sign}cd", InvisibleCharacter) for format in ONE_LINE for sign in "\n\t\r"),
    *((format, "ab\ufe0fcd", InvisibleCharacter) for format in ONE_LINE),
    *(
        (format, f"{sign}HYPERLINK", FormulaLike)
        for format in ("text", "name", "account", "choice")
        for sign in ("=", "+", "-", "@", " =", "\t=", "\uff1d")
    ),
    ("name", "я" * 301, TooLong),
    ("email", "a" * 250 + "@b.kz", TooLong),
    # Lower case makes two characters of this capital.
    ("email", "a" * 248 + "@İb.kz", TooLong),
    ("phone", "7" * 501, TooLong),
    ("account", "a" * 201, TooLong),
    ("choice", "a" * 101, TooLong),
    ("moment", "2" * 501, TooLong),
    ("text", "a" * 20_001, TooLong),
    ("log", "a" * 20_001, TooLong),
    ("name", "Анна 2", DigitInName),
    ("name", "Карл Ⅻ", DigitInName),
    ("name", "Анна ٣", DigitInName),
    ("name", "Анна (Петрова)", SignInName),
    ("name", "Иванова, Анна", SignInName),
    ("name", "anna@mail", SignInName),
    ("name", "' . '", NameWithoutLetters),
    ("name", ".\u0301.", NameWithoutLetters),
    *(
        ("email", wrong, WrongEmail)
        for wrong in (
            "anna",
            "anna@",
            "@mail.kz",
            "anna@mail",
            "anna@@mail.kz",
            "a@b@mail.kz",
            "an na@mail.kz",
            "anna@ma il.kz",
            "anna@mail..kz",
            "anna@.mail.kz",
            "anna@mail.kz.",
            "anna@-mail.kz",
            "anna@mail-.kz",
            "anna@mail.k",
            "anna@192.168.1.10",
            "anna@mail_box.kz",
            "anna.@mail.kz",
            ".anna@mail.kz",
            "an..na@mail.kz",
            "Anna <anna@mail.kz>",
            "mailto:anna@mail.kz",
            "anna@mail.kz, ivan@mail.kz",
            "anna@" + "a" * 64 + ".kz",
        )
    ),
    *(
        ("phone", wrong, WrongPhone)
        for wrong in (
            "call me",
            "+7",
            "1234567",
            "+1234567",
            "+1234567890123456",
            "+0 123 456 789",
            "7+4745194540",
            "++77474519454",
            "+7 747 451 94 54 доб. 12",
            "+7 747 451 94 54, +7 747 451 94 55",
            "+8 (495) 123-45-67",
            "+ 8-747-451-94-54",
            "+７７４７４５１９４５４",
            "٧٧٤٧٤٥١٩٤٥٤",
        )
    ),
    *(
        ("phone", wrong, PhoneWithoutCountry)
        for wrong in (
            "451-94-540",
            "4951234567",
            "8474519454",
            "998901234567",
            "0049301234567",
            "8 10 493 0123 4",
            "8 049 123 45 67",
            "12025550123",
        )
    ),
    ("phone", "+7 747 451 94 5", PhoneOfWrongLength),
    ("phone", "+7 747 451 94 545", PhoneOfWrongLength),
    ("iin", "900101300008", WrongCheckDigit),
    ("bin", "23014003787", WrongLength),
    ("account", "nick\u00a0name", SignInAccount),
    ("account", "nick\ue000", SignInAccount),
    *(
        ("ip", wrong, WrongAddress)
        for wrong in ("256.1.1.1", "192.0.2.1/24", "192.0.2.1:80", "192.0.2.01", "fe80::1%eth0")
    ),
    *(
        ("moment", wrong, WrongMoment)
        for wrong in (
            "01.03.2025",
            "2025-02-29",
            "2025-13-01",
            "20250301",
            "2025-W10-1",
            "2025-03-01x10:00",
            "2025-03-01T25:00",
            "2025-03-01T10",
            "2025-03-01T10:00+99:00",
            "2025-03",
            "２０２５-03-01",
        )
    ),
]


def refusal(format: str, raw: str) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        check(format, raw)
    return caught.value


def test_the_formats_are_those_of_the_register():
    assert set(DataFormat.values) == values.FORMATS


@pytest.mark.parametrize(("format", "raw", "stored"), STORED)
def test_what_is_stored(format, raw, stored):
    assert check(format, raw) == stored
    assert check(format, stored) == stored


@pytest.mark.parametrize(("format", "raw", "error"), REFUSED)
def test_what_is_refused(format, raw, error):
    refused = refusal(format, raw)
    assert type(refused) is error
    if isinstance(refused, WrongValue):
        assert all(type(param) is int for param in refused.params.values())
    if len(raw.strip()) >= 5:
        assert raw.strip() not in str(refused)
    # A library's error that quotes the value must not travel along.
    assert refused.__context__ is None
    assert refused.__cause__ is None


@pytest.mark.parametrize(
    ("format", "longest"),
    [
        ("name", "я" * 300),
        ("email", "a" * 248 + "@bb.kz"),
        ("account", "a" * 200),
        ("choice", "a" * 100),
        ("text", "a" * 20_000),
        ("log", "a" * 20_000),
    ],
)
def test_the_longest_value_is_stored_and_one_more_character_is_not(format, longest):
    assert check(format, longest) == longest
    refused = refusal(format, "a" + longest)
    assert isinstance(refused, TooLong)
    assert refused.params == {"limit": len(longest)}


def test_length_is_counted_after_the_surrounding_space_has_gone():
    assert check("choice", " " * 200 + "a" * 100) == "a" * 100


def test_the_position_is_that_of_what_was_typed():
    assert refusal("name", "  Анна\u200bПетрова").params == {"position": 7}
    assert refusal("email", "\ufeffanna@mail.kz").params == {"position": 1}
    assert refusal("text", "один\r\nдва\u202eтри").params == {"position": 10}
    assert refusal("account", "nick\u00a0name").params == {"position": 5}
    # Two typed characters compose into one; the position is still that of the typed text.
    assert refusal("name", "и\u0306\u200b").params == {"position": 3}


@pytest.mark.parametrize("raw", ["scan.png", "", "\u200b"])
def test_an_image_is_never_typed(raw):
    assert isinstance(refusal("image", raw), ImageIsUploaded)


def test_an_unknown_format_is_refused_without_naming_what_was_passed():
    # The arguments may have been passed in the wrong order.
    refused = refusal("Иванова Анна", "name")
    assert isinstance(refused, UnknownFormat)
    assert refused.params == {}


@pytest.mark.parametrize(
    "raw", ["=1+1", "+SUM(A1)", "-2+3", "@A1", "\tx", "\rx", " =1", "＝1", "+1+1", "-", "- да"]
)
def test_looks_like_a_formula(raw):
    assert looks_like_formula(raw)


@pytest.mark.parametrize(
    "raw", ["", " ", "Анна", "+7 (747) 451-94-54", "-5", "-1 234,50", "+5.5", "a=b", "1-2", "— да"]
)
def test_does_not_look_like_a_formula(raw):
    assert not looks_like_formula(raw)


POOL = st.one_of(
    st.text(max_size=30),
    st.text("0123456789+-() .@abz:T", max_size=24),
    st.text("абвёйқұІABCxyz'-. ", max_size=24),
    st.sampled_from([raw for _, raw, _ in STORED + REFUSED]),
    st.emails(),
    st.ip_addresses().map(str),
    st.datetimes().map(str),
)


@given(st.sampled_from(TYPED), POOL)
@example("email", "a@İİ.kz")
@example("name", "\u1100\u1161 \u0344")
def test_a_stored_value_is_canonical(format, raw):
    try:
        stored = check(format, raw)
    except OperatorError:
        return
    assert check(format, stored) == stored
    assert stored == stored.strip() == unicodedata.normalize("NFC", stored)
    assert not any(values.is_invisible(sign) and sign not in "\n\t" for sign in stored)
    if format in ("text", "name", "account", "choice"):
        assert not looks_like_formula(stored)


@given(st.sampled_from(TYPED), POOL)
def test_no_refusal_tells_the_value(format, raw):
    try:
        check(format, raw)
    except WrongIdentifier as refused:
        # Its words are constants: the kind, why and the wanted lengths.
        assert refused.params["kind"] in ("IIN", "BIN")
        assert refused.params["length"] == "12"
    except OperatorError as refused:
        assert all(type(param) is int for param in refused.params.values())
        assert refused.args == (refused.template % refused.params,)
        assume(len(raw.strip()) >= 5)
        assert raw.strip() not in str(refused)
