"""The commands whose log is pinned in tests/golden/log_v1_correction.jsonl: corrections of money, of debt and of both.

python -m tests.fund.golden_correction        shows whether the file still fits; exit 1 if not
python -m tests.fund.golden_correction write  writes it anew: only when a change of bytes was decided on
"""

from __future__ import annotations

import sys
from pathlib import Path

from seawall.amounts import Units
from seawall.design.loader import parse_design
from seawall.fund.journal import Journal, state_digest
from seawall.fund.messages import AnyCommand, Correct, DebtDifference, Lapse, LayerDifference, Shortfalls
from tests.fund.golden_log import DESIGN, income, lost

GOLDEN = Path(__file__).parents[1] / "golden" / "log_v1_correction.jsonl"

COMMANDS: tuple[tuple[int, AnyCommand], ...] = (
    (1_000, income("fee-1", "surcharge", 1_000_003, "BTC-PERP")),
    (2_000, Shortfalls(id="round-1", deficits=(lost("d1", "acct:7", "owner-7", 30_000_000),))),
    (
        2_500,
        Correct(
            id="fix-1",
            wrong="fee-1",
            proposer="ann",
            approver="bob",
            reason="the fee was of ETH-PERP",
            layers=(LayerDifference("btc-bucket", Units(-900_002)), LayerDifference("shared", Units(900_002))),
        ),
    ),
    (7_001, Lapse(id="lapse-1", batch="round-1")),
    (
        8_000,
        Correct(
            id="fix-2",
            wrong="round-1",
            proposer="ann",
            approver="cy",
            reason="acct:7 owed 20, not 30",
            debts=(DebtDifference("d1", Units(-10_000_000)),),
        ),
    ),
    (
        9_000,
        Correct(
            id="fix-3",
            wrong="fix-2",
            proposer="cy",
            approver="bob",
            reason="19.999999, and a unit was paid from skin",
            layers=(LayerDifference("skin", Units(1)),),
            debts=(DebtDifference("d1", Units(-1)),),
        ),
    ),
    (10_000, income("fee-2", "surcharge", 5_000_000, "BTC-PERP")),
)


def written() -> Journal:
    """A fund that was sent the commands, each at its time."""
    journal = Journal(parse_design(DESIGN, "golden.toml"), DESIGN, 0)
    for now, command in COMMANDS:
        answer = journal.submit(command, now)
        if not isinstance(answer, tuple):
            raise AssertionError(f"a golden command was not taken: {answer}")
    return journal


def main(arguments: list[str]) -> int:
    journal = written()
    data = b"".join(line + b"\n" for line in journal.lines)
    print(f"{len(journal.lines)} events, digest {state_digest(journal.state)}")
    if arguments == ["write"]:
        GOLDEN.write_bytes(data)
        print(f"wrote {GOLDEN}")
        return 0
    fits = GOLDEN.is_file() and GOLDEN.read_bytes() == data
    print("the golden log fits" if fits else "the golden log does not fit")
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
