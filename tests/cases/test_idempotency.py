"""Idempotency: an id is answered once."""

import json

from seawall.fund.messages import Refused, Repeated
from tests.generators import DesignSpec, LayerSpec, batch, shortfall


def test_IDM_01_the_same_id_and_content_is_answered_again_other_content_is_a_conflict(case):
    given, wanted = case["inputs"], case["expected"]
    journal = DesignSpec(layers=(LayerSpec("fund", "shared_fund", given["fund"]),), policy="adl").journal()
    results = []
    for now, submission in enumerate(given["submissions"], start=1):
        name, amount = submission["id"], submission["deficit"]
        answer = journal.submit(batch(name, shortfall(f"{name}.1", amount)), now)
        if isinstance(answer, Repeated):
            first = json.loads(journal.lines[answer.seq - 1])
            assert first["id"] == name and first["data"]["draws"][0]["amount"] == str(amount)
            results.append("same answer as the first, marked as repeated")
        elif isinstance(answer, Refused):
            assert answer.id == name and answer.field.startswith("deficits")
            results.append(answer.code)
        else:
            results.append(f"drawn {sum(draw.amount for draw in answer[0].draws)}")
        assert journal.state.layers["fund"].balance == wanted["fund_after"][now - 1]
    assert results == wanted["results"]
    assert len(journal.lines) - 1 == wanted["log_entries"]  # the genesis comes before them
