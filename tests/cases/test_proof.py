"""Proofs: what a published total can hide, and where a published figure comes from."""

import msgspec
import pytest

from seawall.amounts import Units
from seawall.fund.journal import replay
from seawall.fund.messages import Measure
from seawall.ledger.liabilities import Book, Liability, Position, Step, check, position_of
from seawall.rules.sum_tree import Form, ProofError, SumTree
from tests.generators import DesignSpec, LayerSpec, batch, inflow, shortfall

HERE = Position(seq=1, t_ms=0, state="00" * 32, asset="USDC", layers=Units(0), held=Units(0), own_token=Units(0))


def book_of(leaves):
    return Book([Liability("staker", name, int(units)) for name, units in leaves.items()], b"secret", 1)


def test_PRF_01_a_negative_leaf_is_named_and_no_sum_wraps_around(case):
    leaves, wanted = case["inputs"]["leaves"], case["expected"]
    with pytest.raises(ProofError, match=r"^staker/3: wanted units .* found -300"):
        book_of(leaves)
    honest = book_of({name: units for name, units in leaves.items() if name != "3"})
    published = honest.root(HERE)
    assert published.total == wanted["honest_sum_without_leaf_3"]
    proof = honest.prove("staker", "1", HERE)
    check(proof, published.root)
    for at, step in enumerate(proof.path):
        path = list(proof.path)
        path[at] = Step(step.hash, Units(step.sum - 300))
        with pytest.raises(ProofError, match=rf"^sibling {at}: wanted units of 0 to 2\^128 - 1; found -"):
            check(msgspec.structs.replace(proof, path=tuple(path)), published.root)
    too_large = {name: int(units) for name, units in case["inputs"]["also"]["leaves"].items()}
    with pytest.raises(ProofError, match=r"^staker/1: wanted units .* found 1157"):
        book_of(too_large)
    # And at the tree's own bound: what would wrap around to 0 there is refused as well.
    form = Form(1, ("units",))
    with pytest.raises(ProofError, match=rf"^sums of all leaves: wanted units .* found {2**128}"):
        SumTree(form, b"ab", form.pack("1", (2**128 - 1,)) + form.pack("2", (1,)))


def test_PRF_04_the_published_size_is_the_replayed_ledgers(case):
    seed, surcharge, draw, top_up = (event["amount"] for event in case["inputs"]["events"])
    wanted, token = case["expected"], case["inputs"]["own_token_units"]
    holding = '[[layers.holdings]]\nasset = "VENUE"\npart_ppm = 1000000\nown_token = true\n'
    layers = (LayerSpec("shared", "shared_fund", seed), LayerSpec("token", "venue_capital", token))
    published = []
    for volume in case["inputs"]["volume_24h_values"]:
        journal = DesignSpec(layers=layers, extra_text=holding).journal()
        journal.submit(inflow("s", surcharge, "surcharge", "BTC"), 1)
        journal.submit(batch("b", shortfall("d", draw)), 2)
        journal.submit(inflow("t", top_up, "top_up", layer="shared"), 3)
        journal.submit(Measure(id="v", name="volume_24h", amount=Units(volume)), 4)
        here = position_of(journal.state)
        assert here == position_of(replay(journal.lines)), "anybody with the log finds the same"
        assert here.own_token == token
        published.append(here.layers)
    assert published == [wanted["published"]] * 2
    assert len({"log position": here.seq, "state hash": here.state, "asset": here.asset}) == len(
        wanted["publication_names"]
    )
