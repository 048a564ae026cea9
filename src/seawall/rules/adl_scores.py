"""ADL scores: what a winner is to a deleveraging rule, and the scores by which venues rank winners.

Layer    rules; imports amounts. Called by rules.{adl_policies,split_arrays,deleveraging}. SPEC 7, 8.
Not here how much is taken from whom (rules.adl_policies), the same on arrays (rules.split_arrays).
Held to  this by tests/rules/test_adl_policies.py: Fractions, the scores of the example book.

A score is an integer in 10^-12, rounded down: floor(10^12 x numerator / denominator), one division, at the end. Ties go
to the lowest id. Who has no equity, entry or notional scores 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from seawall.amounts import PPM

SCORE_ONE: Final = 10**12
"""Scores are integers in 10^-12."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A position of the side that pays, at the mark, after the round's fills. Base units but `lots`.

    id                 account id
    lots               size, > 0, whatever the side
    profit_units       the position's unrealised profit at the mark; negative for a loss
    equity_units       the account's equity at the mark
    notional_units     lots x mark
    entry_units        |cost| of the position
    wallet_units       the account's cash; None: equity less profit, as for an account with one position
    maintenance_units  the position's maintenance margin
    cap_units          the most it may pay; None: min(profit, equity), at least 0 (I6)
    """

    id: str
    lots: int
    profit_units: int
    equity_units: int
    notional_units: int
    entry_units: int
    wallet_units: int | None = None
    maintenance_units: int = 0
    cap_units: int | None = None

    @property
    def gain(self) -> int:
        """Positive profit, w."""
        return max(0, self.profit_units)

    @property
    def wallet(self) -> int:
        """The account's cash."""
        return self.equity_units - self.profit_units if self.wallet_units is None else self.wallet_units

    @property
    def cap(self) -> int:
        """The most it may pay, c."""
        return max(0, min(self.profit_units, self.equity_units)) if self.cap_units is None else self.cap_units


@dataclass(frozen=True, slots=True)
class PolicyParameters:
    """What a design may set of a policy.

    beta_ppm            capped_pro_rata, rap: the most of a winner's profit that is taken
    leverage_power      rap: p of the weight profit x L x (L - offset)^p, >= 0
    leverage_offset_ppm rap: leverage up to here is spared, it weighs nothing (but for L^0)
    wallet_floor_units  queue_binance: cash counts as at least this, > 0; one unit of the asset at the venue
    seed                queue_random: an id, such as that of the deficit
    literal_price_ratio queue_hyperliquid: mark / entry for both sides, as the venue's page reads
    """

    beta_ppm: int = PPM
    leverage_power: int = 1
    leverage_offset_ppm: int = 0
    wallet_floor_units: int = 1
    seed: str = ""
    literal_price_ratio: bool = False


Score = Callable[[Participant, PolicyParameters], int]


def _score(numerator: int, denominator: int) -> int:
    return numerator * SCORE_ONE // denominator if denominator > 0 else 0


def leverage_ppm(winner: Participant) -> int:
    """Notional over equity, L, in ppm, rounded down, at least 1; 0 without equity.

    At least 1, so that a winner whose leverage is below a millionth weighs something: it pays last, up to its cap.
    """
    return max(1, winner.notional_units * PPM // winner.equity_units) if winner.equity_units > 0 else 0


def profit_leverage_score(winner: Participant) -> int:
    """Rank by profit percentage x effective leverage, in 10^-12, rounded down; 0 without equity.

    profit > 0: (profit / entry) x (notional / equity); profit < 0: (profit / entry) / (notional / equity)
    Source  BitMEX, «What is auto-deleveraging»; in the account's own terms, leverage = notional / equity.
    """
    if winner.equity_units <= 0 or winner.entry_units <= 0 or winner.notional_units <= 0:
        return 0
    if winner.profit_units >= 0:
        numerator = winner.profit_units * winner.notional_units
        denominator = winner.entry_units * winner.equity_units
    else:
        numerator = winner.profit_units * winner.equity_units
        denominator = winner.entry_units * winner.notional_units
    return numerator * SCORE_ONE // denominator


def wallet_margin_score(winner: Participant, parameters: PolicyParameters) -> int:
    """Profit over cash x margin ratio: (profit / max(floor, wallet)) x (maintenance / equity), 0 if not in profit.

    Source  Binance, «ADL» and its developers' forum; equity is wallet + unrealised profit there.
    """
    cash = max(parameters.wallet_floor_units, winner.wallet)
    return _score(winner.gain * winner.maintenance_units, cash * max(0, winner.equity_units))


def price_leverage_score(winner: Participant, parameters: PolicyParameters) -> int:
    """Price gain x leverage: (mark / entry) of a long, (entry / mark) of a short, x notional / equity.

    A winner's ratio is the larger over the smaller of its values at the mark and at entry, whatever its side and
    contract; a loser's the inverse. Read literally (mark / entry for shorts too) the page ranks the less profitable of
    two shorts higher: `literal_price_ratio`, for linear contracts.
    Source  Hyperliquid docs, «Auto-deleveraging».
    """
    at_mark, at_entry = winner.notional_units, winner.entry_units
    in_favour = winner.profit_units >= 0
    better, worse = max(at_mark, at_entry), min(at_mark, at_entry)
    top, bottom = (better, worse) if in_favour else (worse, better)
    if parameters.literal_price_ratio:
        top, bottom = at_mark, at_entry
    return _score(top * at_mark, bottom * max(0, winner.equity_units))


def return_margin_score(winner: Participant, _: PolicyParameters) -> int:
    """Return on the entry value over the margin ratio: (profit / entry) x (maintenance / equity), 0 if not in profit.

    Source  OKX, «Introduction to auto-deleveraging»: ROI / margin ratio, margin ratio = equity / maintenance.
    """
    return _score(winner.gain * winner.maintenance_units, winner.entry_units * max(0, winner.equity_units))


def random_score(account: str, seed: str) -> int:
    """A lottery anybody can repeat: 63 bits of sha256(seed, newline, account id); ids hold no newline.

    Source  dYdX v4 starts its search at a random account; here the whole order is drawn.
    """
    return int.from_bytes(hashlib.sha256(f"{seed}\n{account}".encode()).digest()[:8]) >> 1


SCORES: Final[dict[str, Score]] = {
    "queue_bitmex": lambda winner, _: profit_leverage_score(winner),
    "queue_binance": wallet_margin_score,
    "queue_hyperliquid": price_leverage_score,
    "queue_roi_mr": return_margin_score,
    "queue_random": lambda winner, parameters: random_score(winner.id, parameters.seed),
    "queue_profit": lambda winner, _: winner.gain,
    "mean_surplus": lambda winner, _: 0,
}
"""Queues by name: the highest score is taken first."""
