"""SIGKILL at every step of a write and at any other moment, under load: no answered command is lost, none done twice.

SEAWALL_KILLS  kills altogether, over both machines and both stores (default 60; the soak has 1000)
"""

import os
import random
import signal
import time

from seawall.ledger.connect import connect
from seawall.ledger.failpoints import POINTS
from seawall.ledger.log import Ledger
from seawall.ledger.recovery import recover
from tests.ledger.worlds import answers_of, sound
from tests.ledger.writers import Writer, hold

KILLS = int(os.environ.get("SEAWALL_KILLS", "60")) // 4
ONLY_SQLITE = {"store.inserted", "store.moved", "snapshot.written"}


def plans(place, random_source):
    """Every point that the store has, then points and moments at random."""
    points = [point for point in POINTS if not place.startswith("postgresql") or point not in ONLY_SQLITE]
    for number in range(KILLS):
        if number < len(points):
            once = points[number].startswith(("store.c", "snapshot"))
            yield f"{points[number]}=kill@{1 if once else random_source.randint(1, 20)}"
        elif number % 2:
            yield ""
        else:
            yield f"{random_source.choice(points[2:])}=kill@{random_source.randint(1, 5)}"


def test_kills_at_every_step_lose_no_answer_and_repeat_nothing(place, world, capsys):
    source, acks, torn = random.Random(7), {}, 0
    for number, plan in enumerate(plans(place, source)):
        writer = Writer(place, world, f"k{number}", plan=plan)
        if not plan:
            writer.enough.wait(60)
            time.sleep(source.random() * 0.05)
            writer.signal(signal.SIGKILL)
        assert writer.ended() == -signal.SIGKILL, (plan, writer.said, writer.errors)
        acks |= writer.acks
        torn += max(writer.torn_bytes, 0)
        if acks:
            reader = connect(place)
            hold(acks, answers_of(world, reader))
            reader.close()
    store = connect(place)
    with Ledger(world.machine, store, wait_s=30) as ledger:
        found = sound(world, store)
        assert ledger.read(world.machine.digest) == world.machine.digest(recover(world.machine, store).state)
        for name, answer in list(acks.items())[:: max(1, len(acks) // 40)]:
            caller, _, turn = name.rpartition(".")
            again = ledger.submit(world.command(caller, int(turn)))
            assert again.repeated and (again.first_seq, again.last_seq, again.hash) == answer
    with capsys.disabled():
        kind = place.partition(":")[0] if "://" in place else "sqlite"
        unanswered = len(found) - 1 - len(acks)
        print(f"\n{kind}, {world.name}: {KILLS} kills; {len(acks)} answered: 0 lost, 0 twice; ", end="")
        print(f"{unanswered} unanswered and kept; {torn} torn bytes trimmed", end=" ")
