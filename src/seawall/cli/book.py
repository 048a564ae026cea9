"""book: generate a book of accounts, or check one.

Layer    cli; imports stress.{books,generate,paths}.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from seawall.amounts import AmountError, Units, format_decimal, parse_decimal
from seawall.cli.console import OK, print_document, stdout
from seawall.cli.documents import BookDocument, OutsideRow
from seawall.design import load_design
from seawall.design.errors import BadInput, Problem
from seawall.design.instruments import instruments
from seawall.design.types import Design
from seawall.stress.books import read_book, write_book
from seawall.stress.generate import generate_book
from seawall.stress.paths import read_path
from seawall.venue.book import Book, total

DESIGN = Annotated[Path, typer.Argument(help="The fund-design file (TOML).")]
JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add `seawall book generate` and `seawall book check`."""
    book = typer.Typer(help="Generate or check a book of accounts.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(book, name="book")

    @book.command("generate")
    def generate(
        design: DESIGN,
        out: Annotated[Path, typer.Option(help="Where to write it (.parquet).")],
        accounts: Annotated[int, typer.Option(help="How many accounts.")] = 5000,
        seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
        path: Annotated[str, typer.Option(help="A path whose first prices the book stands at.")] = "",
        price: Annotated[
            list[str] | None, typer.Option(help="Or MARKET=PRICE, once for each market with positions.")
        ] = None,
        notional: Annotated[
            str, typer.Option(help="Open interest of one side, asset units, over all markets.")
        ] = "50000000",
        outside_share_ppm: Annotated[int, typer.Option(help="The outside book's part of open interest.")] = 200_000,
        net_side: Annotated[
            str, typer.Option(help="The side on which the accounts hold more: long or short.")
        ] = "long",
        long_share_ppm: Annotated[int, typer.Option(help="Chance that a position is long.")] = 600_000,
        size_tail_ppm: Annotated[int, typer.Option(help="Pareto tail index of sizes; lower: heavier.")] = 1_200_000,
        median_leverage_ppm: Annotated[int, typer.Option(help="Median leverage, 5000000 is 5x.")] = 5_000_000,
        max_leverage_ppm: Annotated[int, typer.Option(help="No account is above this.")] = 100_000_000,
        as_json: JSON = False,
    ) -> int:
        """Write a seeded book: heavy-tailed sizes and leverage, every account above its initial margin."""
        if out.suffix.lower() != ".parquet":
            raise BadInput(Problem(str(out), 0, "--out", "a file that ends with .parquet", out.suffix or "no ending"))
        if out.exists():
            raise BadInput(Problem(str(out), 0, "--out", "a new file", "a file that is there", hint="nothing written"))
        if net_side not in ("long", "short"):
            raise BadInput(Problem("", 0, "--net-side", "long or short", net_side))
        parsed = load_design(design)
        side: Literal["long", "short"] = "long" if net_side == "long" else "short"
        made = generate_book(
            parsed,
            accounts=accounts,
            seed=seed,
            prices=_prices(parsed, path, price or []),
            notional_units=_notional(parsed, notional),
            outside_share_ppm=outside_share_ppm,
            net_side=side,
            long_share_ppm=long_share_ppm,
            size_tail_ppm=size_tail_ppm,
            median_leverage_ppm=median_leverage_ppm,
            max_leverage_ppm=max_leverage_ppm,
        )
        write_book(made, out)
        _show(parsed, made, out, as_json, f"wrote {out}")
        return OK

    @book.command("check")
    def check(
        design: DESIGN,
        book: Annotated[Path, typer.Argument(help="The book (.csv or .parquet).")],
        as_json: JSON = False,
    ) -> int:
        """Read a book against a design and say what is in it. Exit 2 when it cannot be used."""
        parsed = load_design(design)
        _show(parsed, read_book(book, parsed), book, as_json, f"{book}: valid")
        return OK


def _notional(design: Design, text: str) -> int:
    try:
        return parse_decimal(text, design.asset.decimals)
    except AmountError as error:
        raise BadInput(Problem("", 0, "--notional", error.wanted, error.found, "SPEC 1", error.hint)) from None


def _prices(design: Design, path: str, stated: Sequence[str]) -> dict[str, int]:
    if bool(path) == bool(stated):
        raise BadInput(Problem("", 0, "--path, --price", "one of the two", "both" if path else "neither"))
    if path:
        return read_path(path, design, intrabar="low_first", markets_needed=()).first_ticks
    known = {instrument.id: instrument for instrument in instruments(design)}
    prices = {}
    for item in stated:
        market, _, text = item.partition("=")
        if market not in known:
            raise BadInput(Problem("", 0, "--price", f"MARKET=PRICE with one of {', '.join(known)}", item))
        try:
            prices[market] = known[market].exact_ticks(text)
        except AmountError as error:
            raise BadInput(Problem("", 0, "--price", error.wanted, error.found, "SPEC 1")) from None
    return prices


def _show(design: Design, book: Book, file: Path, as_json: bool, what: str) -> None:
    outside = tuple(
        OutsideRow(market, lots, share)
        for market, lots, share in zip(book.markets, book.outside_lots(), book.outside_share_ppm(), strict=True)
    )
    if as_json:
        print_document(
            BookDocument(
                file=str(file),
                digest=book.digest(),
                accounts=len(book.accounts),
                positions=len(book.lots),
                cash=Units(total(book.cash_units)),
                outside=outside,
            )
        )
        return
    console = stdout()
    cash = format_decimal(total(book.cash_units), design.asset.decimals, group=True, places=2)
    console.print(
        f"{what}: {len(book.accounts):,} accounts, {len(book.lots):,} positions, cash {cash} {design.asset.id}, "
        f"digest {book.digest()[:12]}",
        markup=False,
    )
    for row in outside:
        if row.lots or row.share_ppm:
            console.print(
                f"  {row.market}: outside book {row.lots:+,} lots, {row.share_ppm / 10_000:.2f} % of open interest",
                markup=False,
            )
