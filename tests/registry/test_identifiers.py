import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import identifiers
from registry.identifiers import (
    NotOnlyDigits,
    WrongCheckDigit,
    WrongIdentifier,
    WrongLength,
    check_bin,
    check_iin,
    check_inn,
    check_ogrn,
    check_ogrnip,
    check_snils,
)

VALID = [
    (check_iin, "900101300007"),
    (check_iin, "900101300017"),
    (check_bin, "230140037871"),
    (check_bin, "971240001315"),
    (check_bin, "940140000385"),
    (check_bin, "941240000193"),
    (check_bin, "010940000162"),
    (check_bin, "000140002217"),
    (check_inn, "7707083893"),
    (check_inn, "500100732259"),
    (check_ogrn, "1027700132195"),
    (check_ogrnip, "304500116000157"),
    (check_snils, "11223344595"),
]


@pytest.mark.parametrize(("check", "number"), VALID)
def test_a_valid_number_comes_back_as_digits(check, number):
    assert check(number) == number
    assert check(f"\u00a0{number[:3]}-{number[3:6]} {number[6:]}\n") == number


@pytest.mark.parametrize(("check", "number"), VALID)
def test_one_wrong_last_digit_is_refused(check, number):
    for digit in set("0123456789") - {number[-1]}:
        with pytest.raises(WrongCheckDigit):
            check(number[:-1] + digit)


@pytest.mark.parametrize(("check", "number"), VALID)
@pytest.mark.parametrize("spoil", [lambda n: n[:-1], lambda n: n + "0", lambda n: ""])
def test_a_wrong_length_is_refused(check, number, spoil):
    with pytest.raises(WrongLength) as refused:
        check(spoil(number))
    assert refused.value.params["why"] == "length"


@pytest.mark.parametrize(("check", "number"), VALID)
@pytest.mark.parametrize("letter", ["O", "З", "٣", "²", "."])
def test_anything_but_plain_digits_is_refused(check, number, letter):
    with pytest.raises(NotOnlyDigits) as refused:
        check(letter + number[1:])
    assert refused.value.params["why"] == "letters"


@pytest.mark.parametrize("number", ["123456789012", "070740001294"])
def test_the_invalid_numbers_of_the_law_table(number):
    for check in (check_iin, check_bin):
        with pytest.raises(WrongCheckDigit) as refused:
            check(number)
        assert refused.value.params["why"] == "check digit"


def test_a_remainder_of_ten_takes_the_second_weights():
    assert check_bin("00000000005" + "0")  # 5 * 11 leaves 0: the first weights do
    assert check_bin("00000000010" + "1")  # 1 * 10 leaves 10: the second weights give 1 * 1


def test_a_number_that_gives_ten_twice_is_never_issued():
    weights = range(1, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
    bodies = (f"{n:011d}" for n in range(1, 100_000))
    twice = next(
        body
        for body in bodies
        if all(sum(int(body[i]) * ws[i] for i in range(11)) % 11 == 10 for ws in weights)
    )
    for digit in "0123456789":
        with pytest.raises(WrongCheckDigit):
            check_bin(twice + digit)


@pytest.mark.parametrize(
    ("body", "check_sum"),
    [
        ("900000090", "99"),
        ("900000091", "00"),  # the sum is 100
        ("900000092", "00"),  # 101
        ("998000000", "07"),  # 209
        ("996100000", "00"),  # 201 leaves 100
    ],
)
def test_snils_sums_around_a_hundred(body, check_sum):
    assert check_snils(body + check_sum) == body + check_sum


@pytest.mark.parametrize(
    ("check", "length"),
    [
        (check_iin, 12),
        (check_bin, 12),
        (check_inn, 10),
        (check_inn, 12),
        (check_ogrn, 13),
        (check_ogrnip, 15),
        (check_snils, 11),
    ],
)
def test_all_zeros_is_a_placeholder_not_a_number(check, length):
    with pytest.raises(WrongCheckDigit):
        check("0" * length)


@given(st.text(max_size=20) | st.from_regex(r"\A[0-9]{10,15}\Z"))
@pytest.mark.parametrize("kind", ["iin", "bin", "inn", "ogrn", "ogrnip", "snils"])
def test_yes_or_no_agrees_with_the_check_and_a_refusal_never_tells_the_value(kind, value):
    answer = getattr(identifiers, f"is_{kind}")(value)
    try:
        digits = getattr(identifiers, f"check_{kind}")(value)
    except WrongIdentifier as refused:
        assert answer is False
        assert refused.__cause__ is None and refused.__context__ is None
        # Nothing in it comes from the value.
        assert refused.params.keys() == {"kind", "length", "why"}
        assert refused.params["kind"] == kind.upper()
        assert refused.params["length"] in {"10 / 12", "11", "12", "13", "15"}
        assert refused.params["why"] in {"length", "letters", "check digit"}
        assert refused.args == (type(refused).template % refused.params,)
    else:
        assert answer is True
        assert digits.isdigit()


def test_the_sentence_names_the_kind_and_the_fault():
    with pytest.raises(WrongIdentifier, match=r"^INN: the number of digits must be 10 / 12\.$"):
        check_inn("1")
    with pytest.raises(WrongIdentifier, match=r"^IIN: the check digit does not match"):
        check_iin("123456789012")
