"""Published roots: rows of real events prove against them, whoever changes a number does not."""

from dataclasses import replace

import pytest

from seawall.rules.haircut_root import ProofError, Published, Row, build_tree, check_row, pseudonym, verify
from seawall.venue.roots import leaf_salt, root_hex
from tests.generators import LayerSpec, MarketSpec, play
from tests.venue.test_rankings import five
from tests.venue.test_worked import account, long, short, story


def rows_of(event, *, by_account):
    """The event's rows as anybody who knows the accounts can build them, from its JSON alone."""
    merged = {}
    for row in event["haircuts"] if "haircuts" in event else event["rows"]:
        name = row["account"] if by_account else f"{row['account']}/{row['market']}"
        cap = int(row.get("cap", row.get("taken", 0)))
        weight = int(row.get("weight", row.get("taken", 0)))
        paid = int(row.get("amount" if "rows" in event else "haircut"))
        before = merged.get(name, (row["account"], cap, weight, 0))
        merged[name] = (*before[:3], before[3] + paid)
    rows = []
    for name, (who, cap, weight, paid) in merged.items():
        salt = leaf_salt(event["batch"], who)
        rows.append(Row(pseudonym(name if "/" in name else f"{name}/", salt), cap, weight, paid, salt))
    return sorted(rows, key=lambda row: row.id)


def published(event, *, by_account):
    tree = build_tree(rows_of(event, by_account=by_account))
    assert tree.root.hex() == event["root"]
    return tree


def test_a_deleveraging_publishes_what_each_winner_can_check():
    """Gap 12, 88 of 720 go back: each haircut is its part of the severity in proportion to what was taken."""
    event = play(five(12, fund=88, ranking="queue_bitmex", eligible="any")).data("deleveraged")[0]
    tree = published(event, by_account=False)
    assert (tree.sums.cap_units, tree.sums.haircut_units, tree.count) == (720, 632, 3)
    for index, row in enumerate(rows_of(event, by_account=False)):
        verify(tree.published(), row, tree.prove(index))
        check_row(tree.published(), int(event["severity"]), row)


def test_money_over_profit_publishes_a_row_an_account():
    layers = (LayerSpec("shared", "shared_fund", 0),)
    base = five(10).but(policy="socialised_loss", layers=layers)
    event = play(replace(base, ladders={("BTC", "bids"): ((20, 500),)})).data("haircut_taken")[0]
    tree = published(event, by_account=True)
    assert tree.count == 5 and tree.sums.weight == int(event["base"]) == 1750
    for index, row in enumerate(rows_of(event, by_account=True)):
        verify(tree.published(), row, tree.prove(index))
        check_row(tree.published(), int(event["severity"]), row)


def test_a_row_is_all_that_an_account_paid_in_its_markets():
    """`w` gained 60 in BTC and 40 in ETH, `s` 60 in BTC; of that 80 are owed: three rows, two leaves."""
    rows = {
        "Z": account(0, long(4, 100)),
        "w": account(900, short(3, 100), short(4, 60, 1)),
        "s": account(900, short(3, 100)),
        "l": account(900, long(2, 80), long(4, 60, 1)),
    }
    markets = (MarketSpec("BTC"), MarketSpec("ETH"))
    base = story(rows, [{"BTC": 80, "ETH": 50}], bids=[(0, 99)], policy="socialised_loss", markets=markets)
    (event,) = play(base).data("haircut_taken")
    assert [(row["account"], row["market"], row["amount"]) for row in event["rows"]] == [
        ("s", "BTC", "30"), ("w", "BTC", "30"), ("w", "ETH", "20"),
    ]  # fmt: skip
    tree = published(event, by_account=True)
    assert (tree.count, tree.sums.haircut_units, tree.sums.weight) == (2, 80, 160)


def test_a_changed_number_or_another_account_does_not_prove():
    event = play(five(10, ranking="pro_rata_lots", eligible="any")).data("deleveraged")[0]
    tree = published(event, by_account=False)
    root = Published(tree.root, tree.count, tree.sums)
    row = rows_of(event, by_account=False)[0]
    for forged in (
        replace(row, haircut_units=row.haircut_units + 1),
        replace(row, cap_units=row.cap_units - 1),
        replace(row, weight=row.weight + 1),
        replace(row, salt=leaf_salt("b1.2", "1")),
    ):
        with pytest.raises(ProofError):
            verify(root, forged, tree.prove(0))


def test_nobody_paid_no_root():
    assert root_hex([]) == ""


def test_numbers_beyond_the_tree_have_no_root_and_stop_nobody():
    assert root_hex([Row("a", 1 << 128, 0, 0)]) == ""
