"""Page: report.html, one run on one page that opens anywhere.

Layer    report; imports report.{charts,markup,reading,wording}. Called by report.folder and the CLI.
Not here HTML's pieces (report.markup), several runs (report.comparison).
Held to  this by tests/report/test_page.py: self-contained, escaped, the same bytes each time; and by looking.

Nothing on it depends on a clock, a machine or a folder's name: the same run gives the same page.
"""

from __future__ import annotations

from collections.abc import Sequence

from seawall.report.charts import run_charts
from seawall.report.comparison import render_comparison
from seawall.report.markup import Column, figure, figures, heading, items, page, paragraph, table, verdict
from seawall.report.reading import RunFolder
from seawall.report.wording import (
    HOW,
    INTRABAR,
    bound_text,
    count,
    currency,
    percent,
    utc_text,
    verdict_sentences,
)

__all__ = ["render_comparison", "render_page"]

MOST_ROWS = 10

KINDS = {
    "market_bucket": "market bucket",
    "shared_fund": "shared fund",
    "venue_capital": "venue capital",
    "guaranty_fund": "guaranty fund",
    "tranche": "tranche",
    "vault": "vault",
    "backstop": "backstop",
    "credit_line": "credit line",
    "reinsurance": "reinsurance",
    "assessment": "assessment",
    "token_sale": "token sale",
    "revenue_pool": "revenue pool",
}


POLICIES = {
    "adl": "deleveraging at the bankruptcy price",
    "socialised_loss": "socialised loss over positive profit",
    "carry": "carrying the rest as bad debt",
    "gains_haircut": "a haircut on the gains of each step",
    "tear_up": "tearing up the contracts of the markets concerned",
    "withdrawal_haircut": "carrying the rest, and paying withdrawals in part until it is made good",
}


def render_page(run: RunFolder) -> str:
    """The page of a run: verdict first, then figures, charts, tables, assumptions, and what the run cannot know."""
    summary = run.summary
    charts = {chart.name: chart for chart in run_charts(run)}
    parts = [
        heading(f"Stress report: {run.design.name}", 1),
        paragraph(_what_ran(run), "muted"),
        verdict(verdict_sentences(summary), survives=summary.verdict == "survives"),
        figures(_key_figures(run)),
    ]
    for name in ("price", "who-paid", "layers"):
        if name in charts:
            parts += [heading(charts[name].title), figure(charts[name])]
    parts.append(layer_table(run))
    if "worst-deficit" in charts:
        parts += [heading(charts["worst-deficit"].title), figure(charts["worst-deficit"])]
    parts += [heading("Deficits"), _worst_deficits(run), heading("Haircuts"), _largest_haircuts(run)]
    parts += [heading("What the run assumes"), _assumptions(run), _markets(run)]
    parts += [heading("What the run does not know"), items(_caveats(run))]
    parts += [heading("Where it comes from"), _digests(run), paragraph(_FOOT, "muted")]
    return page(f"{run.design.name}: stress report", parts)


_FOOT = (
    "Every figure on this page is an exact count of base units from the logs in the run's folder; only shares in "
    "percent are cut off, and only pictures round. `seawall verify` recomputes the folder, `seawall explain` tells the "
    "story of one account."
)


def _what_ran(run: RunFolder) -> str:
    summary = run.summary
    path = summary.path
    return (
        f"{count(summary.book.accounts, 'account')}, {count(summary.steps, 'step')} of path {path.name} from "
        f"{utc_text(path.first_t_ms)} to {utc_text(path.last_t_ms)}, amounts in {summary.asset.id}."
    )


def _key_figures(run: RunFolder) -> list[tuple[str, str]]:
    summary, money = run.summary, currency(run.summary)
    accounts = summary.accounts
    pairs = [
        ("Deficits", f"{summary.deficits.count:,}"),
        ("Amount of deficits", money.text(summary.deficits.amount)),
        ("Covered by layers", f"{money.plain(summary.drawn)} ({percent(summary.covered_ppm)})"),
        ("Severity", money.text(summary.severity)),
        ("Paid by traders", money.text(summary.haircuts.total)),
        ("Bad debt outstanding", money.text(summary.carried)),
        ("Accounts liquidated", f"{accounts.liquidated:,}"),
        ("of these bankrupt", f"{accounts.bankrupt:,}"),
        ("Traders deleveraged", f"{accounts.deleveraged:,}"),
        ("Conservation", "exact" if summary.conservation.exact else "BROKEN"),
    ]
    for what, units in (
        ("Severity still pending", summary.pending),
        ("Bad debt repaid", summary.recovered),
        ("Pending surcharges", summary.pending_fees),
        ("Not yet recognised at the end", summary.unrecognised),
        ("Not yet recognised at worst", summary.unrecognised_peak),
        ("Overshoot", summary.overshoot),
    ):
        if units:
            pairs.append((what, money.text(units)))
    for what, number in (
        ("Liquidated after deleveraging", accounts.induced),
        ("Waiting at the end", accounts.waiting),
        ("Steps with a stale price", summary.stale_steps),
    ):
        if number:
            pairs.append((what, f"{number:,}"))
    return pairs


def layer_table(run: RunFolder) -> str:
    """The layers in the order in which they are drawn: before, credited, drawn, after, bound by."""
    money = currency(run.summary)
    rows = run.summary.layers
    names = ("before", "credited", "drawn", "after")
    texts = [money.column([int(getattr(row, name)) for row in rows]) for name in names]
    columns = [Column("layer"), Column("kind"), *(Column(name, True) for name in names)]
    return table(
        f"Layers in the order in which they are drawn, {money.id}",
        [*columns, Column("bound by")],
        [
            (row.layer, KINDS.get(row.kind, row.kind), *amounts, bound_text(row.bound_by))
            for row, *amounts in zip(rows, *texts, strict=True)
        ],
    )


def _worst_deficits(run: RunFolder) -> str:
    frame, money = run.fund.deficits, currency(run.summary)
    if not frame.height:
        return paragraph("No account ended in deficit.")
    worst = sorted(frame.iter_rows(named=True), key=lambda row: -row["amount"])[:MOST_ROWS]
    heads = {"amount": "amount", "drawn": "drawn", "severity": "severity", "haircut": "paid by traders"}
    heads |= {name: name for name in ("carried", "pending") if any(row[name] for row in worst)}
    texts = [money.column([int(row[name]) for row in worst]) for name in heads]
    return table(
        f"The {len(worst)} largest of {count(frame.height, 'deficit')}, {money.id}",
        [
            Column("deficit"),
            Column("account"),
            Column("time", whole=True),
            *(Column(name, True) for name in heads.values()),
        ],
        [
            (row["deficit"], row["account"], utc_text(row["t_ms"]), *amounts)
            for row, *amounts in zip(worst, *texts, strict=True)
        ],
    )


def _largest_haircuts(run: RunFolder) -> str:
    frame, money = run.fund.haircuts, currency(run.summary)
    if not frame.height:
        return paragraph("No trader in profit paid anything.")
    largest = sorted(frame.iter_rows(named=True), key=lambda row: -row["amount"])[:MOST_ROWS]
    return table(
        f"The {len(largest)} largest of {count(frame.height, 'haircut')}, {money.id}",
        [
            Column("account"),
            Column("time", whole=True),
            Column("market"),
            Column("how"),
            Column("lots", True),
            Column("paid", True),
        ],
        [
            (
                row["account"],
                utc_text(row["t_ms"]),
                row["market"],
                HOW.get(row["how"], row["how"]),
                f"{row['lots']:,}" if row["lots"] else "-",
                paid,
            )
            for row, paid in zip(largest, money.column([int(row["amount"]) for row in largest]), strict=True)
        ],
    )


def _assumptions(run: RunFolder) -> str:
    summary = run.summary
    path, exhaustion = summary.path, run.design.exhaustion
    through = percent(summary.pass_through_ppm)
    own = "the marks are a foreign index that own sales do not move"
    if summary.pass_through_ppm:
        own = "this part of the price impact of own sales moves the next mark"
    policy = ", then ".join(POLICIES[name] for name in (exhaustion.policy, exhaustion.fallback))
    if exhaustion.policy == "adl":
        policy += f"; ranking {exhaustion.adl_ranking}, eligible {exhaustion.adl_eligible}"
    return table(
        "Assumptions",
        [Column("assumption"), Column("value")],
        [
            ("Path", f"{path.name}: {path.source}"),
            ("Licence of the prices", path.licence),
            ("Order within a bar", f"{path.intrabar}: {INTRABAR.get(path.intrabar, 'as the path says')}"),
            ("Pass-through", f"{through}: {own}"),
            ("Recovery of depth", f"{percent(summary.recovery_ppm)} of used depth returns at each step"),
            ("When layers do not suffice", policy),
            ("Seed", f"{summary.seed}"),
        ],
    )


def _markets(run: RunFolder) -> str:
    shares = {row.market: row for row in run.opened.outside}
    depth: dict[tuple[str, str], str] = {}
    known = {instrument.id: instrument for instrument in run.instruments}
    for ladder in run.opened.ladders:
        lots = sum(lots for _, lots in ladder.levels)
        if ladder.market in known and ladder.levels:
            far = known[ladder.market].price_text(ladder.levels[-1][0])
            depth[ladder.market, ladder.side] = f"{lots:,} lots within {far}"
    rows = []
    for instrument in run.instruments:
        row = shares.get(instrument.id)
        if row is None:
            continue
        bids, asks = (depth.get((instrument.id, side), "none") for side in ("bids", "asks"))
        size = f"{instrument.market.lot_size}"
        rows.append((instrument.id, f"{percent(row.share_ppm)}", f"{row.lots:,}", size, bids, asks))
    return table(
        "Markets: the outside book at the start, which bounds deleveraging, and the order book that liquidations meet",
        [
            Column("market"),
            Column("outside share", True),
            Column("outside lots", True),
            Column("lot size", True),
            Column("bids", True),
            Column("asks", True),
        ],
        rows,
    )


def _caveats(run: RunFolder) -> Sequence[str]:
    summary = run.summary
    texts = []
    if summary.path.intrabar == "none":
        texts.append("The prices are a stated shock, not an observed one: they say what if, not how likely.")
    else:
        texts.append(
            "Prices of a real crash already hold the cascade of the venues they come from. With a pass-through of 0 % "
            "this venue's own sales move nothing, which is too mild where it was a large part of the market; with "
            "more, part of the cascade counts twice. The truth lies between: run both ends and look at the bracket. "
            f"This run passes {percent(summary.pass_through_ppm)} through."
        )
        texts.append(
            "Within a bar only four prices are known, and that all markets reach their extremes at one moment is an "
            "assumption; run the other order of low and high too."
        )
    texts.append(
        "Nobody adds margin, opens, closes or withdraws during the run, and the order book recovers as stated. "
        "Depth in a crash is the assumption that decides most."
    )
    texts.append(
        "The outside book pays and takes without margin of its own and is never deleveraged; the larger its share, the "
        "fewer winners there are to close against."
    )
    money = currency(summary)
    if summary.unrecognised_peak:
        texts.append(
            f"At the worst step, {utc_text(summary.unrecognised_peak_t_ms)}, accounts that still held positions owed "
            f"{money.text(summary.unrecognised_peak)} more than they had: what layers would have faced on top, had "
            "prices not come back."
        )
    if summary.unrecognised:
        texts.append(f"At the end this was {money.text(summary.unrecognised)}, which is not yet a deficit.")
    return texts


def _digests(run: RunFolder) -> str:
    summary = run.summary
    return table(
        "Digests (SHA-256): the same four inputs give the same run, to the byte",
        [Column("what"), Column("digest")],
        [
            ("Design", summary.design.digest),
            ("Book", summary.book.digest),
            ("Path", summary.path.digest),
            *((f"State of the {name} at the end", digest) for name, digest in summary.state.items()),
            ("Rules version", str(run.fund_log[0].rules_version)),
        ],
    )
