"""Claim: a tree over 10^6 claims is mostly its hashes, and one changed claim costs a path.

Prints what an epoch costs once (salts and pseudonyms), a build, a change, a proof and its check, beside the limit: as
many SHA-256 of as many bytes, with nothing else, in the same run. Says whether a changed tree equals a new one.

    make bench, or: .venv/bin/python benchmarks/proofs.py [claims]
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time
from collections.abc import Callable

from seawall.amounts import Units
from seawall.ledger.liabilities import Book, Liability, Position, check
from seawall.rules.sum_tree import Form, SumTree

HERE = Position(seq=1, t_ms=0, state="0" * 64, asset="USDC", layers=Units(0), held=Units(0), own_token=Units(0))


def seconds(job: Callable[[], object], repeats: int = 3) -> float:
    """Least seconds of several repeats."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        job()
        times.append(time.perf_counter() - began)
    return min(times)


def hashes_alone(claims: int) -> float:
    """Seconds for the hashes of a tree: a leaf's 57 bytes each, a node's 97 each; texts are ready before."""
    sha256 = hashlib.sha256
    leaves = [os.urandom(57) for _ in range(claims)]
    nodes = [os.urandom(97) for _ in range(claims - 1)]

    def run() -> None:
        for text in leaves:
            sha256(text).digest()
        for text in nodes:
            sha256(text).digest()

    return seconds(run)


def main() -> None:
    claims = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    dice = random.Random(7)
    limit = hashes_alone(claims)
    form, numbers = Form(32, ("units",)), [dice.randrange(10**15) for _ in range(claims)]
    bodies, sums = dice.randbytes(32 * claims), b"".join([number.to_bytes(16, "big") for number in numbers])
    tree_s = seconds(lambda: SumTree(form, bodies, sums))
    owed = [Liability("staker", f"account-{at}", units + 1) for at, units in enumerate(numbers)]
    began = time.perf_counter()
    book = Book(owed, b"a secret of the publisher", 1)
    book_s = time.perf_counter() - began
    changes = [
        Liability("staker", f"account-{dice.randrange(claims)}", dice.randrange(1, 10**15)) for _ in range(2_000)
    ]
    change_s = seconds(lambda: [book.change([claim]) for claim in changes]) / len(changes)
    root = book.root(HERE).root
    asked = [claim.id for claim in changes]
    prove_s = seconds(lambda: [book.prove("staker", name, HERE) for name in asked]) / len(asked)
    proofs = [book.prove("staker", name, HERE) for name in asked]
    check_s = seconds(lambda: [check(proof, root) for proof in proofs]) / len(proofs)
    print(f"a Merkle-sum tree over {claims:,} claims, one core, hashlib")
    print(f"  {2 * claims - 1:,} hashes alone          {limit:8.3f} s   1.00x  the limit")
    print(f"  tree from pseudonyms and units   {tree_s:8.3f} s   {tree_s / limit:.2f}x")
    print(f"  book with its salts, of an epoch {book_s:8.3f} s   {book_s / limit:.2f}x")
    print(f"  one change                       {change_s * 1e6:8.1f} us")
    print(f"  one proof                        {prove_s * 1e6:8.1f} us")
    print(f"  one check                        {check_s * 1e6:8.1f} us")
    now = {claim.name: claim for claim in [*owed, *changes]}
    same = Book(now.values(), b"a secret of the publisher", 1).root(HERE).root == root
    print(f"  the changed tree equals a new one: {same}")
    if not same:
        sys.exit("the answers do not agree")


if __name__ == "__main__":
    main()
