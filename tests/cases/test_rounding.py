"""Rounding: allocate."""

from seawall.amounts import allocate, in_id_order


def test_RND_01_parts_add_up_and_the_odd_units_go_to_the_largest_remainders(case):
    for name, given in case["inputs"].items():
        order = in_id_order(given["weights"])
        parts = allocate(int(given["amount"]), [int(given["weights"][trader]) for trader in order])
        assert dict(zip(order, parts)) == {trader: int(part) for trader, part in case["expected"][name].items()}
        assert sum(parts) == int(given["amount"])
