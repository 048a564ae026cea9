"""API: amounts are integer strings at a machine's edge."""

import json

import msgspec
import pytest

from seawall.fund.codec import decode_command, encode_command
from tests.generators import DesignSpec, LayerSpec


def test_API_01_amounts_cross_the_edge_as_integer_strings_and_a_json_number_is_refused(case):
    given, wanted = case["inputs"], case["expected"]
    text = '{"kind":"inflow","id":"i%d","source":"top_up","asset":"USDC","amount":%s}'
    journal = DesignSpec(layers=(LayerSpec("fund", "shared_fund", 0),)).journal()
    for number, amount in enumerate(given["amount_strings"]):
        command = decode_command((text % (number, f'"{amount}"')).encode())
        assert json.loads(encode_command(command))["amount"] == amount
        journal.submit(command, number)
        assert json.loads(journal.lines[-1])["data"]["inflow"]["amount"] == amount
    assert str(int(journal.state.layers["fund"].balance)) == wanted["sum_of_strings"]
    assert json.loads(journal.lines[-1])["data"]["credits"][0]["balance_after"] == wanted["sum_of_strings"]
    lines = len(journal.lines)
    for number in given["json_numbers"]:
        with pytest.raises(msgspec.ValidationError, match=r"\$\.amount"):
            journal.submit(decode_command((text % (99, number)).encode()), 99)
    assert len(journal.lines) == lines, "nothing was written"
