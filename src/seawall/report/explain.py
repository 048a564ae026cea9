"""Explain: what happened to one account in a run, in words and as a document.

Layer    report; imports report.{facts,reading,story,wording}, design.errors. Called by `seawall explain`.
Not here finding the facts (report.story), judging whether a rule was right.
Held to  this by tests/report/test_explain.py.
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import polars as pl
from msgspec import json

from seawall.amounts import format_decimal
from seawall.design.errors import BadInput, Problem
from seawall.fund.codec import encode_hook
from seawall.report.facts import Chapter, Deficit, End, Funding, Liquidation, Moved, PaidMoney, Round, WasDeleveraged
from seawall.report.moved import funding_line, moved_line
from seawall.report.reading import read_run
from seawall.report.story import tell
from seawall.report.wording import HOW, Currency, bound_text, count, currency, listed, utc_text

MOST_AGAINST: Final = 3
"""Accounts that a line names; the document names all."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One account's story. Cash in base units; positions are signed lots, at the start of the run."""

    account: str
    owner: str
    money: Currency
    cash_units: int
    positions: Mapping[str, int]
    chapters: tuple[Chapter, ...]
    decimals: Mapping[str, int]

    def facts(self) -> dict[str, Any]:
        """As plain values for JSON: money as integer strings of base units, prices as decimal strings."""
        return {
            "account": self.account,
            "owner": self.owner,
            "asset": {"id": self.money.id, "decimals": self.money.decimals},
            "opening": {"cash": str(self.cash_units), "positions": dict(self.positions)},
            "touched": bool(self.chapters),
            "chapters": json.decode(json.encode(self.chapters, enc_hook=encode_hook)),
        }

    def lines(self) -> list[str]:
        """In words, a fact a line; what belongs to a line above is indented."""
        held = listed([f"{_side(lots)} {abs(lots):,} lots of {name}" for name, lots in self.positions.items()], 9)
        cash = self.money.text(self.cash_units)
        lines = [f"{self.account} (owner {self.owner}) began with {cash}" + (f", {held}" if held else "")]
        if not self.chapters:
            lines.append("Nothing happened to it: never liquidated, never deleveraged, no haircut.")
        for chapter in self.chapters:
            match chapter:
                case Liquidation():
                    lines += self._liquidation(chapter)
                case WasDeleveraged():
                    lines += self._deleveraged(chapter)
                case PaidMoney():
                    lines += self._paid(chapter)
                case Funding():
                    lines.append(funding_line(chapter, self.money))
                case Moved():
                    lines.append(moved_line(chapter, self.money))
        return ["".join(c if c.isprintable() else "?" for c in line) for line in lines]

    def _liquidation(self, chapter: Liquidation) -> Iterator[str]:
        if chapter.rounds:
            yield from self._trigger(chapter.rounds[0])
            yield from self._trades(chapter.rounds)
        if chapter.end is None:
            yield "  not flat when the run ended: part of it waited for depth, or prices made it healthy again"
            return
        yield from self._end(chapter.end, chapter.rounds)
        if chapter.deficit is not None:
            yield from self._deficit(chapter.deficit)

    def _trigger(self, first: Round) -> Iterator[str]:
        money = self.money
        why = f"equity {money.text(first.equity)} against a maintenance margin of {money.text(first.maintenance)}"
        cause = ", after deleveraging had touched it" if first.induced else ""
        yield f"{utc_text(first.t_ms)}, step {first.step}, round {first.round}: liquidated, {why}{cause}"
        for held in first.held:
            mark = f" at a mark of {self._price(held.market, held.mark)}" if held.mark else ""
            yield f"  held {_side(held.lots)} {abs(held.lots):,} lots of {held.market}{mark}"

    def _trades(self, rounds: tuple[Round, ...]) -> Iterator[str]:
        """What was traded in each market, over all rounds; a liquidation without depth goes on for many."""
        for market in dict.fromkeys(row.market for one in rounds for row in one.traded):
            rows = [row for one in rounds for row in one.traded if row.market == market]
            crossed, sold = sum(row.crossed for row in rows), sum(row.sold for row in rows)
            taken = sum(row.taken for row in rows)
            sizes = [row.crossed + row.sold + row.taken for row in rows]
            worth = sum(
                (Fraction(row.average_price) * size for row, size in zip(rows, sizes, strict=True)), Fraction(0)
            )
            price = self._price(market, worth / sum(sizes))
            verb = "sold" if rows[0].side == "long" else "bought back"
            ways = [
                f"{lots:,} {how}"
                for lots, how in ((sold, "to the order book"), (crossed, "crossed"), (taken, "taken over by a layer"))
                if lots
            ]
            if verb != "sold":
                ways = [way.replace("to the order book", "from the order book") for way in ways]
            many = f" in {count(len(rows), 'round')}" if len(rows) > 1 else ""
            yield f"  {verb} {sum(sizes):,} lots of {market}{many} ({listed(ways)}) at {price} on average"
            first, last = (self._price(market, row.bankruptcy_price) for row in (rows[0], rows[-1]))
            changed = f", at last {last}" if last != first else ""
            surcharge = self.money.text(sum(row.surcharge for row in rows))
            yield f"    bankruptcy price {first}{changed}; surcharge {surcharge}"
        for row in (row for one in rounds for row in one.deleveraged):
            who = count(row.winners, "winner")
            price = self._price(row.market, row.price)
            yield f"  {row.lots:,} lots of {row.market} closed against {who} at the bankruptcy price {price}"

    def _end(self, end: End, rounds: tuple[Round, ...]) -> Iterator[str]:
        money = self.money
        later = not rounds or end.t_ms != rounds[0].t_ms
        state = "healthy again" if end.healthy else "flat"
        flat = f"{state} on {utc_text(end.t_ms)}" if later else state
        yield f"  {flat}, worth {money.text(end.equity)}"
        if end.fees_used:
            yield f"    its pending surcharges of {money.text(end.fees_used)} went back to its own debt"
        if end.fees:
            yield f"    surcharges of {money.text(end.fees)} went to the fund"
        if end.residual:
            taken = f"; the design took {money.text(end.residual_taken)} of that" if end.residual_taken else ""
            yield f"    left of its equity: {money.text(end.residual)}{taken}"

    def _deficit(self, deficit: Deficit) -> Iterator[str]:
        money = self.money
        yield f"  deficit {deficit.id}: {money.text(deficit.amount)} owed, in batch {deficit.batch}"
        losses = listed([f"{money.text(loss.amount)} in {loss.market}" for loss in deficit.losses], 9)
        if losses:
            yield f"    lost since it was last flat: {losses}"
        for draw in deficit.draws:
            left = f"{money.plain(draw.balance_before)} -> {money.plain(draw.balance_after)}"
            bound = f", bound by {bound_text([draw.bound_by])}" if draw.bound_by else ""
            yield f"    {draw.layer} paid {money.text(draw.amount)} ({left}){bound}"
        if not deficit.severity:
            yield "    covered in full: no trader paid"
            return
        yield f"    severity {money.text(deficit.severity)}: no layer covered it"
        if deficit.haircut:
            yield f"    traders in profit paid {money.text(deficit.haircut)} of it"
            for paid in (paid for paid in deficit.batch_paid if paid.amount):
                who = count(paid.traders, "trader")
                yield f"      batch {deficit.batch}: {who} paid {money.text(paid.amount)} through {HOW[paid.how]}"
        if deficit.carried:
            repaid = f", of which {money.text(deficit.recovered)} was repaid later" if deficit.recovered else ""
            yield f"    {money.text(deficit.carried)} became bad debt{repaid}"
        if deficit.pending:
            yield f"    {money.text(deficit.pending)} was still pending at the end"

    def _deleveraged(self, chapter: WasDeleveraged) -> Iterator[str]:
        money = self.money
        price, mark = (self._price(chapter.market, text) for text in (chapter.average_price, chapter.mark))
        when = f"{utc_text(chapter.t_ms)}, step {chapter.step}, round {chapter.round}"
        yield (
            f"{when}: deleveraged, {chapter.lots:,} lots of {chapter.market} closed at {price}, the mark being {mark}"
        )
        yield f"  profit there before {money.text(chapter.profit)}, equity {money.text(chapter.equity)}"
        prices = [self._price(chapter.market, row.price) for row in chapter.against[:MOST_AGAINST]]
        named = zip(chapter.against, prices, strict=False)
        names = [f"{row.account} ({row.lots:,} lots at {price})" for row, price in named]
        names += [row.account for row in chapter.against[MOST_AGAINST:]]
        yield f"  against {listed(names, MOST_AGAINST)}, batch {chapter.batch}"
        back = chapter.taken - chapter.haircut
        returned = f"; {money.text(back)} of {money.text(chapter.taken)} taken went back" if back else ""
        yield f"  haircut {money.text(chapter.haircut)}{returned}"

    def _paid(self, chapter: PaidMoney) -> Iterator[str]:
        money = self.money
        when = f"{utc_text(chapter.t_ms)}, step {chapter.step}, round {chapter.round}"
        how = HOW.get(chapter.how, chapter.how)
        source, there = (f"profit in {chapter.market}", "profit there") if chapter.market else ("cash", "its base")
        yield f"{when}: haircut of {money.text(chapter.amount)} through {how}, from its {source}"
        yield f"  {there} before {money.text(chapter.profit)}, equity {money.text(chapter.equity)}"
        share = f"{money.text(chapter.severity)} of severity over a base of {money.text(chapter.base)}"
        yield f"  its part of {share}, batch {chapter.batch}"

    def _price(self, market: str, price: Fraction | str) -> str:
        """A price with the tick's decimals, up to two more where it needs them, `about` where that is not enough."""
        tick = self.decimals.get(market, 0)
        scaled, rest = divmod(Fraction(price) * 10 ** (tick + 2), 1)
        units = int(scaled) + (1 if rest >= Fraction(1, 2) else 0)
        text = format_decimal(units, tick + 2, group=True, places=tick)
        return f"about {text}" if rest else text


def explain(folder: Path, account: str) -> Explanation:
    """What happened to an account in a run.

    returns  its story; an account that nothing happened to has no chapters
    Errors   BadInput: the folder is no run (report.reading), its book.parquet cannot be read, or the book has no such
             account (with the nearest id).
    """
    run = read_run(folder)
    rows = _book_rows(folder / "book.parquet", account)
    money = currency(run.summary)
    order = {instrument.id: place for place, instrument in enumerate(run.instruments)}
    positions = {row["market"]: int(row["lots"]) for row in rows if row["market"] is not None and row["lots"]}
    positions = dict(sorted(positions.items(), key=lambda item: order.get(item[0], len(order))))
    return Explanation(
        account=account,
        owner=rows[0]["owner"],
        money=money,
        cash_units=int(rows[0]["cash_units"]),
        positions=positions,
        chapters=tell(run, account, positions),
        decimals={instrument.id: instrument.tick_decimals for instrument in run.instruments},
    )


def _book_rows(path: Path, account: str) -> list[dict[str, Any]]:
    """The account's rows of the run's book."""
    wanted, rule = "the book of the run", "run folder"
    try:
        columns = ["account", "owner", "cash_units", "market", "lots"]
        frame = pl.read_parquet(io.BytesIO(path.read_bytes()), columns=columns)
        rows = frame.filter(pl.col("account") == account).to_dicts()
    except FileNotFoundError:
        raise BadInput(Problem(str(path), 0, "", wanted, "no such file", rule)) from None
    except OSError as error:
        raise BadInput(Problem(str(path), 0, "", wanted, error.strerror or str(error), rule)) from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(Problem(str(path), 0, "", wanted, f"damage: {first[:120]}", rule)) from None
    if not rows:
        known = frame.get_column("account").unique(maintain_order=True).drop_nulls()
        alike = known.filter((known.str.len_chars().cast(pl.Int64) - len(account)).abs() <= 2).head(100_000).to_list()
        near = difflib.get_close_matches(account, alike, n=1)
        hint = f'did you mean "{near[0]}"?' if near else ""
        found = repr(account[:64])
        raise BadInput(
            Problem(str(path), 0, "account", f"one of the book's {len(known):,} accounts", found, rule, hint)
        )
    return rows


def _side(lots: int) -> str:
    return "long" if lots > 0 else "short"
