"""Redecide: today's rules over yesterday's commands: each that they move, and nothing where they are the same."""

import msgspec
import pytest

from seawall.amounts import Units
from seawall.ledger.connect import connect
from seawall.ledger.log import Ledger, init
from seawall.ledger.machine import CorruptLog
from seawall.ledger.redecide import redecide
from seawall.ledger.store import StoreError
from tests.ledger.counter import Add, Added, CounterMachine, No
from tests.ledger.worlds import COUNTER, FUND


class Changed(CounterMachine):
    """Rules that were changed since: 5 is counted as 6, 7 is refused, 3 ends with an error."""

    rules_version = 2

    def decide(self, state, command, t_ms):
        if command.amount == 3:
            raise ArithmeticError("three")
        if command.amount == 7:
            return No(command.id, "seven")
        decided = super().decide(state, command, t_ms)
        if command.amount == 5:
            return tuple(msgspec.structs.replace(event, total=Units(event.total + 1)) for event in decided)
        return decided


def command_of(event):
    return event.add if isinstance(event, Added) and event.part == 0 else None


def filled(place, world, commands):
    store = connect(place, create=True)
    init(world.machine, store, world.first)
    store.close()
    with Ledger(world.machine, connect(place)) as ledger:
        ledger.submit_all(commands)
    return connect(place)


def test_todays_rules_change_nothing_of_todays_log(place):
    reader = filled(place, FUND, [FUND.command("a", number) for number in range(40)])
    seen = []
    assert list(redecide(FUND.machine, reader, FUND.machine.command_of, lambda *told: seen.append(told))) == []
    assert len(seen) == 40 and seen[-1] == (reader.head().seq, FUND.machine.rules_version)
    reader.close()


def test_each_command_that_new_rules_move_is_told_from_the_state_that_the_log_left(tmp_path):
    """Worked: 1, 5, 3, 2 in two parts, 7, 5: totals 1, 6, 9, 11, 13, 20, 25, whatever the new rules would have made."""
    commands = [Add("a", 1), Add("b", 5), Add("c", 3), Add("d", 2, 2), Add("e", 7), Add("f", 5)]
    reader = filled(str(tmp_path), COUNTER, commands)
    seen = []
    found = list(redecide(Changed(), reader, command_of, lambda *told: seen.append(told)))
    assert [(one.seq, one.id, one.rules_version) for one in found] == [
        (3, "b", 1),
        (4, "c", 1),
        (7, "e", 1),
        (8, "f", 1),
    ]
    b, c, e, f = found
    assert (b.then[0].total, b.now[0].total) == (6, 7)
    assert c.then[0].total == 9 and isinstance(c.now, ArithmeticError)
    assert e.now == No("e", "seven")
    assert (f.then[0].total, f.now[0].total) == (25, 26)
    assert [seq for seq, _ in seen] == [2, 3, 4, 6, 7, 8]
    reader.close()


def test_a_log_that_does_not_hold_is_named(tmp_path):
    reader = filled(str(tmp_path), COUNTER, [Add("a", 1), Add("b", 2)])

    class Cut:
        head = staticmethod(reader.head)

        def lines(self, first, last=None):
            for number, line in enumerate(reader.lines(first, last), start=first):
                yield line.replace(b'"total":"3"', b'"total":"4"') if number == 3 else line

    with pytest.raises(CorruptLog, match="record 3"):
        list(redecide(COUNTER.machine, Cut(), command_of))
    with pytest.raises(CorruptLog, match="record 2: no event of a holds its command"):
        list(redecide(COUNTER.machine, reader, lambda event: None))
    reader.close()
    empty = connect(str(tmp_path / "empty"), create=True)
    with pytest.raises(StoreError, match="no events yet"):
        list(redecide(COUNTER.machine, empty, command_of))
    empty.close()
