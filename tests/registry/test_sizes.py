"""The size class at each of its limits (94-V 25-1)."""

from __future__ import annotations

import pytest

from registry.sizes import SizeClass, must_notify, size_class

SMALL, MEDIUM, LARGE = SizeClass


@pytest.mark.parametrize(
    ("people", "plain", "restricted"),
    [
        (0, SMALL, MEDIUM),
        (1, SMALL, MEDIUM),
        (10_000, SMALL, MEDIUM),
        (10_001, MEDIUM, LARGE),
        (499_999, MEDIUM, LARGE),
        (500_000, LARGE, LARGE),
        (500_001, LARGE, LARGE),
        (20_000_000, LARGE, LARGE),
    ],
)
def test_the_class_on_both_sides_of_each_limit(
    people: int, plain: SizeClass, restricted: SizeClass
) -> None:
    assert size_class(people, False) is plain
    assert size_class(people, True) is restricted


def test_only_a_large_operator_notifies() -> None:
    assert [size for size in SizeClass if must_notify(size)] == [LARGE]
