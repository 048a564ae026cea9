"""deleverage: one severity taken from a file of winners under a policy or all of them; and a trader's own check.

Layer    cli; imports stress.{winners,adl_outcome}, report.adl_table, rules.adl_policies, cli.haircut_proof.
Not here a whole crash (`seawall compare`); here the winners are given and nothing is closed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import polars as pl
import typer

from seawall.amounts import PPM, AmountError, Units, parse_decimal
from seawall.cli.console import CHECK_FAILED, OK, print_document, progress_bar, stdout
from seawall.cli.documents import DeleverageDocument, HaircutCheckDocument
from seawall.cli.haircut_proof import HaircutProof, check_proof, make_proof, read_proof
from seawall.design.errors import BadInput, Problem
from seawall.report.adl_table import AdlRow, adl_chart, adl_report
from seawall.report.drawing import PICTURE, WIDE, png, svg_file
from seawall.report.wording import Currency
from seawall.rules.adl_policies import Policy
from seawall.rules.adl_scores import PolicyParameters
from seawall.rules.exact_arrays import Ints, exact_sum
from seawall.rules.haircut_root import Row, Tree
from seawall.stress.adl_outcome import NEEDS, adl_row, haircut_tree, haircuts_of, missing_columns
from seawall.stress.run import aside, check_out, encode_document
from seawall.stress.winners import Winners, read_winners

POLICIES: tuple[Policy, ...] = get_args(Policy)


def register(app: typer.Typer) -> None:
    """Add `seawall deleverage` and `seawall check-haircut`."""

    @app.command("deleverage")
    def deleverage(
        winners: Annotated[
            Path, typer.Argument(help="Traders in profit: .csv (asset units) or .parquet (base units).")
        ],
        severity: Annotated[str, typer.Option(help="What is to be taken, in asset units.")],
        policy: Annotated[str, typer.Option(help="A policy, several by commas, or all.")] = "all",
        asset: Annotated[str, typer.Option(help="The asset's id, for tables.")] = "USDC",
        decimals: Annotated[int, typer.Option(help="The asset's decimals.")] = 6,
        beta_ppm: Annotated[int, typer.Option(help="For capped_pro_rata and rap: the most of a profit.")] = PPM,
        seed: Annotated[str, typer.Option(help="For queue_random: the lottery's seed, an id.")] = "",
        out: Annotated[Path | None, typer.Option(help="A new or empty folder for haircuts, chart, proofs.")] = None,
        salt_file: Annotated[
            Path | None, typer.Option(help="A file with the venue's secret; rows of the root are salted with it.")
        ] = None,
        prove: Annotated[list[str] | None, typer.Option(help="Write this account's proof (one policy, --out).")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Take a severity from winners: who pays how much under each policy, and how unevenly."""
        if out is not None:
            check_out(out)
        money = Currency(asset, _decimals(decimals))
        units = _severity(severity, decimals)
        chosen = _policies(policy)
        parameters = PolicyParameters(beta_ppm=_ppm(beta_ppm), wallet_floor_units=10**decimals, seed=seed)
        salt = read_salt(salt_file)
        book = read_winners(winners, decimals)
        chosen, skipped = _possible(chosen, book, every=policy == "all")
        proving = _proving(prove or [], book, chosen, out)
        rows: list[AdlRow] = []
        haircuts: dict[str, Ints] = {}
        tree: tuple[Tree, list[Row]] | None = None
        with progress_bar("deleverage", "policies") as progress:
            for done, name in enumerate(chosen):
                progress(done, len(chosen))
                haircuts[name] = haircuts_of(name, book, units, parameters)
                if len(chosen) == 1:
                    tree = haircut_tree(name, book, haircuts[name], parameters, salt)
                root = tree[0].root.hex() if tree is not None else ""
                rows.append(adl_row(name, book, units, haircuts[name], root))
        document = DeleverageDocument(
            winners=len(book.ids),
            severity=Units(units),
            capacity=Units(exact_sum(book.arrays.cap_units)),
            salted=bool(salt),
            rows=tuple(rows),
            skipped=skipped,
        )
        if out is not None:
            with aside(out) as folder:
                _write(folder, document, book, haircuts, money)
                for account in proving:
                    proof = make_proof(tree, book.ids.index(account), account, chosen[0], units) if tree else None
                    (folder / f"proof-{account}.json").write_bytes(encode_document(proof))
        if as_json:
            print_document(document)
            return OK
        _show(document, money, out)
        return OK

    @app.command("check-haircut")
    def check_haircut(
        proof: Annotated[Path, typer.Argument(help="The trader's proof (proof-ACCOUNT.json).")],
        root: Annotated[str, typer.Option(help="The published root, 64 hexadecimal digits.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> int:
        """Check one trader's haircut against a published root, offline; exit 1 when anything does not hold."""
        read = read_proof(proof)
        problem = check_proof(read, root)
        _told(read, problem, as_json)
        return CHECK_FAILED if problem else OK


def _told(proof: HaircutProof, problem: str, as_json: bool) -> None:
    if as_json:
        print_document(HaircutCheckDocument(account=proof.account, holds=not problem, problem=problem))
    elif problem:
        stdout().print(f"does not hold: {problem}", markup=False, soft_wrap=True)
    else:
        stdout().print(
            f"holds: {proof.account} pays {proof.row.haircut} of {proof.sums.haircut} base units, "
            f"row {proof.index + 1:,} of {proof.count:,}, policy {proof.policy}",
            markup=False,
            soft_wrap=True,
        )


def _decimals(decimals: int) -> int:
    if not 0 <= decimals <= 12:
        raise BadInput(Problem("", 0, "--decimals", "0 to 12", str(decimals)))
    return decimals


def _ppm(beta_ppm: int) -> int:
    if not 0 <= beta_ppm <= PPM:
        raise BadInput(Problem("", 0, "--beta-ppm", f"0 to {PPM}", str(beta_ppm)))
    return beta_ppm


def _severity(text: str, decimals: int) -> int:
    try:
        return parse_decimal(text, decimals)
    except AmountError as error:
        raise BadInput(Problem("", 0, "--severity", error.wanted, error.found, "SPEC 1", error.hint)) from None


def _policies(text: str) -> tuple[Policy, ...]:
    if text == "all":
        return POLICIES
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = next((word for word in words if word not in POLICIES), None)
    if unknown is not None or not words:
        raise BadInput(
            Problem("", 0, "--policy", f"all, or names of {', '.join(POLICIES)}", unknown or "none", "SPEC 8")
        )
    return tuple(name for name in POLICIES if name in words)


def read_salt(file: Path | None) -> bytes:
    """The publisher's secret; nothing without a file. Errors: BadInput: no file, or too short to be a secret."""
    if file is None:
        return b""
    try:
        salt = file.read_bytes().strip()
    except OSError as error:
        raise BadInput(Problem(str(file), 0, "--salt-file", "a file", error.strerror or "an error")) from None
    if len(salt) < 16:
        raise BadInput(Problem(str(file), 0, "", "a secret of at least 16 bytes", f"{len(salt)} bytes", "SPEC 11"))
    return salt


def _possible(chosen: tuple[Policy, ...], book: Winners, *, every: bool) -> tuple[tuple[Policy, ...], tuple[str, ...]]:
    """The policies that the file has the columns for, and what is left out. Errors: BadInput for one that was named."""
    lacking = {name: missing_columns(name, book) for name in chosen}
    for name, missing in lacking.items():
        if missing and not every:
            wanted = f"columns {', '.join(NEEDS[name])} for {name}"
            raise BadInput(Problem("", 0, "winners", wanted, f"no {', '.join(missing)}", "SPEC 8"))
    left_out = tuple(f"{name}: needs {', '.join(missing)}" for name, missing in lacking.items() if missing)
    return tuple(name for name in chosen if not lacking[name]), left_out


def _proving(accounts: list[str], book: Winners, chosen: tuple[Policy, ...], out: Path | None) -> list[str]:
    if accounts and (out is None or len(chosen) != 1):
        raise BadInput(Problem("", 0, "--prove", "one policy and --out", f"{len(chosen)} policies", "SPEC 11"))
    known = set(book.ids) if accounts else set()
    for account in accounts:
        if account not in known:
            raise BadInput(Problem("", 0, "--prove", "an account of the file", account))
    return accounts


def _write(
    folder: Path, document: DeleverageDocument, book: Winners, haircuts: dict[str, Ints], money: Currency
) -> None:
    (folder / "deleverage.json").write_bytes(encode_document(document))
    columns = {"account": pl.Series(book.ids, dtype=pl.String), "cap_units": pl.Series(book.arrays.cap_units)}
    columns |= {name: pl.Series(values) for name, values in haircuts.items()}
    frame = pl.DataFrame(columns).with_columns(pl.col(pl.Int64).cast(pl.Decimal(38, 0)))
    frame.write_parquet(folder / "haircuts.parquet", compression="zstd", compression_level=3, statistics=False)
    chart = adl_chart(document.rows, money)
    (folder / "deleverage.svg").write_text(svg_file(chart.spec(WIDE), chart.name), encoding="utf-8")
    (folder / "deleverage.png").write_bytes(png(chart.spec(PICTURE)))


def _show(document: DeleverageDocument, money: Currency, out: Path | None) -> None:
    console = stdout()
    head = (
        f"{document.winners:,} winners  severity {money.text(document.severity)}  "
        f"capacity {money.text(document.capacity)}"
    )
    console.print(head, markup=False)
    console.print(adl_report(document.rows, money))
    for line in document.skipped:
        console.print(f"left out  {line}", markup=False)
    for row in document.rows:
        if row.root:
            salted = "" if document.salted else ", not salted: --salt-file"
            console.print(f"root  {row.root}  over (cap, weight, haircut){salted}", markup=False, soft_wrap=True)
    if out is not None:
        console.print(f"wrote {out}/: deleverage.json haircuts.parquet deleverage.svg deleverage.png", markup=False)
