"""What the tests of amounts and rules found: each once failed, by a minimal example."""

import pytest

from seawall.amounts import AmountError, parse_decimal
from seawall.rules.waterfall import attribute


def test_regression_a_hint_does_not_replace_what_is_wrong():
    """`m` is no part of a decimal string: that is the error, not the decimals of the number that was meant."""
    with pytest.raises(AmountError, match="wanted a decimal string"):
        parse_decimal("0.1234567890123m", 2)


def test_regression_ties_of_an_attribution_go_to_the_lowest_market_however_losses_are_listed():
    """2 over losses of 1 and 3 are 0.5 and 1.5: the odd unit is A's, whoever is listed first (SPEC 1)."""
    one, two = attribute(2, (("A", 1), ("B", 3))), attribute(2, (("B", 3), ("A", 1)))
    assert dict(one) == dict(two) == {"A": 1, "B": 1}
