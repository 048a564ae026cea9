"""Explain: stories of a liquidated account, of winners, of one that nothing happened to, and of unknown ones."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from seawall.design.errors import BadInput
from seawall.report.explain import explain
from seawall.report.wording import currency


def story(made, name, account):
    found = explain(made[name].path, account)
    facts = found.facts()
    assert json.loads(json.dumps(facts)) == facts
    assert "\n" not in "".join(found.lines())
    return facts, "\n".join(found.lines())


def events(made, name, log):
    lines = made[name].venue.lines if log == "venue" else made[name].venue.fund.lines
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["adl", "social", "carry", "survives"])
def test_every_account_s_chapters_are_what_the_logs_say(made, runs, name):
    """For every account: as many rounds, ends, deficits and haircuts as the logs name it in, with their sums."""
    venue, fund = runs[name].venue, runs[name].fund
    for account in made[name].venue.state.accounts:
        chapters = explain(made[name].path, account).facts()["chapters"]
        liquidations = [c for c in chapters if c["what"] == "liquidation"]
        mine = venue.liquidations.filter(venue.liquidations["account"] == account)
        rounds = [r for c in liquidations for r in c["rounds"]]
        assert len(rounds) == mine.select("step", "round").n_unique()
        closings = venue.closings.filter(venue.closings["account"] == account)
        assert [c["end"]["equity"] for c in liquidations if c["end"]] == [str(v) for v in closings["equity"].to_list()]
        deficits = fund.deficits.filter(fund.deficits["account"] == account)
        told = [c["deficit"] for c in liquidations if c["deficit"]]
        assert [d["id"] for d in told] == deficits["deficit"].to_list()
        for row, deficit in zip(deficits.iter_rows(named=True), told):
            for key in ("amount", "severity", "haircut", "carried", "pending", "recovered"):
                assert int(deficit[key]) == int(row[key])
            assert sum(int(draw["amount"]) for draw in deficit["draws"]) == int(row["drawn"])
        paid = sum(int(c.get("haircut", c.get("amount", 0))) for c in chapters if c["what"] != "liquidation")
        cuts = fund.haircuts.filter(fund.haircuts["account"] == account)
        assert paid == sum(map(int, cuts["amount"].to_list()))


def test_a_bankrupt_account(made, runs):
    worst = max(runs["adl"].fund.deficits.iter_rows(named=True), key=lambda row: row["severity"])
    facts, text = story(made, "adl", worst["account"])
    money = currency(runs["adl"].summary)
    (chapter,) = [c for c in facts["chapters"] if c["what"] == "liquidation"]
    first = chapter["rounds"][0]
    assert int(first["equity"]) < int(first["maintenance"])
    assert f"equity {money.text(int(first['equity']))} against a maintenance margin of" in text
    assert f"deficit {worst['deficit']}: {money.text(int(worst['amount']))} owed" in text
    for draw in chapter["deficit"]["draws"]:
        assert f"{draw['layer']} paid {money.text(int(draw['amount']))}" in text
        if draw["bound_by"]:
            assert f"bound by {draw['bound_by'].replace('_', ' ')}" in text
    assert f"severity {money.text(int(worst['severity']))}: no layer covered it" in text
    paid = chapter["deficit"]["batch_paid"]
    assert sum(int(row["amount"]) for row in paid) == int(chapter["deficit"]["batch_severity"])
    assert f"{paid[0]['traders']} traders paid" in text


def test_prices_at_liquidation_are_those_of_the_log(made, runs):
    instruments = {instrument.id: instrument for instrument in runs["adl"].instruments}
    marks = {}
    for envelope in events(made, "adl", "venue"):
        if envelope["kind"] == "marked":
            marks |= {mark["market"]: mark["ticks"] for mark in envelope["data"]["marks"]}
        if envelope["kind"] == "round_filled":
            break
    trigger = envelope["data"]["triggered"][0]
    facts, _ = story(made, "adl", trigger["account"])
    first = facts["chapters"][0]["rounds"][0]
    assert (first["step"], first["round"]) == (envelope["data"]["step"], envelope["data"]["round"])
    held = {row["market"]: row for row in first["held"]}
    assert {market: row["lots"] for market, row in held.items()} == facts["opening"]["positions"]
    for market, row in held.items():
        assert row["mark"] == instruments[market].price_text(marks[market])
    for fill in envelope["data"]["fills"]:
        if fill["account"] != trigger["account"]:
            continue
        traded = next(row for row in first["traded"] if row["market"] == fill["market"])
        assert traded["bankruptcy_price"] == instruments[fill["market"]].price_text(fill["bankruptcy_ticks"])
        lots = fill["cross_lots"] + fill["book_lots"]
        value = abs(lots) * instruments[fill["market"]].lot_tick_units
        tick = Fraction(instruments[fill["market"]].market.tick_size)
        assert Fraction(traded["average_price"]) == Fraction(abs(int(fill["amount"])), value) * tick


def test_a_deleveraged_winner(made, runs):
    row = max(runs["adl"].venue.winners.iter_rows(named=True), key=lambda row: row["haircut"])
    facts, text = story(made, "adl", row["account"])
    chapter = next(c for c in facts["chapters"] if c["what"] == "deleveraged" and c["batch"] == row["batch"])
    assert int(chapter["haircut"]) == int(row["haircut"]) and chapter["lots"] == row["lots"]
    assert chapter["average_price"] == row["close_price"]
    others = runs["adl"].venue.deleveraged
    others = others.filter((others["batch"] == row["batch"]) & (others["market"] == row["market"]))
    assert [other["account"] for other in chapter["against"]] == others["account"].to_list()
    money = currency(runs["adl"].summary)
    assert f"deleveraged, {row['lots']:,} lots of {row['market']} closed at" in text
    assert (
        f"haircut {money.text(int(row['haircut']))}" in text and f"against {chapter['against'][0]['account']}" in text
    )


def test_a_trader_who_paid_in_money(made, runs):
    row = max(runs["social"].fund.haircuts.iter_rows(named=True), key=lambda row: row["amount"])
    facts, text = story(made, "social", row["account"])
    chapter = next(c for c in facts["chapters"] if c["what"] == "haircut" and c["batch"] == row["batch"])
    assert chapter["how"] == "socialised_loss" and int(chapter["amount"]) == int(row["amount"])
    assert "through socialised loss, from its profit in" in text


def test_bad_debt_and_its_repayment(made, runs):
    row = next(r for r in runs["carry"].fund.deficits.iter_rows(named=True) if r["recovered"])
    _, text = story(made, "carry", row["account"])
    money = currency(runs["carry"].summary)
    repaid = money.text(int(row["recovered"]))
    assert f"{money.text(int(row['carried']))} became bad debt, of which {repaid} was repaid later" in text


def test_a_solvent_liquidation_says_what_was_left(made, runs):
    closings = runs["adl"].venue.closings
    row = next(r for r in closings.iter_rows(named=True) if r["residual"] and r["residual_taken"])
    _, text = story(made, "adl", row["account"])
    money = currency(runs["adl"].summary)
    taken = money.text(int(row["residual_taken"]))
    assert f"left of its equity: {money.text(int(row['residual']))}; the design took {taken} of that" in text
    assert "deficit" not in text


def test_an_account_that_nothing_happened_to(made):
    facts, text = story(made, "calm", "a001")
    assert facts["touched"] is False and facts["chapters"] == []
    assert "Nothing happened to it" in text
    _, text = story(made, "adl", "a119")  # cash only
    assert text.startswith("a119 (owner o119) began with 10.00 USDC\nNothing happened")


def test_an_unknown_account_is_told_the_nearest(made):
    with pytest.raises(BadInput, match=r"120 accounts; found 'a0019' .*did you mean \"a0[01]9\"") as caught:
        explain(made["adl"].path, "a0019")
    assert len(caught.value.problems) == 1
    with pytest.raises(BadInput) as caught:
        explain(made["adl"].path, "quite-another-name")
    assert caught.value.problems[0].hint == ""


def test_a_book_that_cannot_be_read(copy_of):
    path = copy_of()
    (path / "book.parquet").write_bytes(b"PAR1 rubbish PAR1")
    with pytest.raises(BadInput, match="damage"):
        explain(path, "a001")
    (path / "book.parquet").unlink()
    with pytest.raises(BadInput, match="no such file"):
        explain(path, "a001")
