"""What the tests of the fund found: each once failed, by a minimal example."""

import pytest

from seawall.fund.codec import CorruptLog
from seawall.fund.journal import replay, state_digest
from seawall.fund.messages import Refused
from tests.fund.test_log import SMALL, flipped
from tests.generators import DesignSpec, LayerSpec, batch, inflow, shortfall


def test_regression_a_damaged_design_in_the_genesis_is_a_corrupt_log():
    """One bit of the design's text: `decimals = 0` becomes `decimals = p`. The log stays shut and names record 1."""
    line = SMALL[0]
    byte = line.index(b"decimals = 0") + len(b"decimals = ")
    with pytest.raises(CorruptLog) as caught:
        replay(flipped(SMALL, 1, byte, 6))
    assert caught.value.record == 1


def test_regression_an_envelope_that_names_another_command_is_refused():
    """The envelope's id is the command's: one flipped bit in the last record's `id` must not go unnoticed."""
    line = SMALL[-1]
    byte = line.index(b'"id":"l1"') + len(b'"id":"')
    with pytest.raises(CorruptLog):
        replay(flipped(SMALL, len(SMALL), byte, 0))


def test_regression_what_cannot_be_written_is_refused_before_anything_changes():
    """A loss of 10^38 has no wire form: the command must be refused, and the journal must stay what its log says."""
    journal = DesignSpec(layers=(LayerSpec("shared", "shared_fund", 10),)).journal()
    refused = journal.submit(batch("b", shortfall("d", 5, {"BTC": 10**38})), 1)
    assert isinstance(refused, Refused) and refused.field == "deficits[0].losses"
    journal.submit(inflow("i", 5), 2)
    assert state_digest(replay(journal.lines)) == state_digest(journal.state)
