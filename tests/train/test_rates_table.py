"""What the table of rates makes one row of."""

import numpy as np

from jaxsign.train import rates_table

PARAMS = {
    "layer_0": {"q": {"kernel": np.zeros((2, 3)), "lora_a": np.zeros((2, 1))}},
    "layer_1": {"q": {"kernel": np.zeros((2, 3)), "lora_a": np.zeros((2, 1))}},
    "head": {"kernel": np.zeros((3, 500)), "bias": np.zeros(500)},
    "spare": {"bias": np.zeros(4)},
}
ALL = ("layer_0/q/kernel", "layer_0/q/lora_a", "layer_1/q/kernel", "layer_1/q/lora_a",
       "head/kernel", "head/bias", "spare/bias")  # fmt: skip


def test_numbered_parts_are_one_and_what_differs_inside_is_told_by_name():
    trainable = ("layer_0/q/lora_a", "layer_1/q/lora_a", "head/kernel", "head/bias")
    factors = dict.fromkeys(trainable[:2], 0.1)
    rows = rates_table.groups(PARAMS, trainable, factors, ("^spare/",))
    assert rates_table.lines(rows, 0.003) == [
        "frozen   layer_* (kernel)     12 numbers in 2 arrays",
        "train    layer_* (lora_a)      4 numbers in 2 arrays, rate 0.0003",
        "train    head              2,000 numbers in 2 arrays, rate 0.003",
        "unused   spare                 4 numbers in 1 array",
    ]


def test_one_rate_for_all_is_one_line():
    rows = rates_table.groups(PARAMS, ALL, {})
    assert rates_table.lines(rows, 1e-5) == ["train    all  2,020 numbers in 7 arrays, rate 1e-05"]
    rows = rates_table.groups(PARAMS, ALL[:-1], {}, ("^spare/",))
    assert rates_table.lines(rows, 1) == [
        "train    all    2,016 numbers in 6 arrays, rate 1",
        "unused   spare      4 numbers in 1 array",
    ]


def test_many_names_are_cut():
    inside = {name: np.zeros(1) for name in "abcdef"}
    rows = rates_table.groups({"body": inside}, ("body/f",), {})
    assert [row.arrays for row in rows] == [5, 1]
    assert rates_table.lines(rows, 1)[0].startswith("frozen   body (a, b, c, d, ...)  5 numbers")
