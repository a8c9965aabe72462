"""Torch files are read as they were written, or not at all."""

import helpers
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.nets import state_dict

torch = pytest.importorskip("torch")


def test_a_flipped_bit_or_a_cut_is_refused_or_changes_nothing(tmp_path):
    path, rng = tmp_path / "a.pt", np.random.default_rng(5)
    weights = {"layer.weight": torch.randn(20, 30), "layer.bias": torch.randn(7)}
    torch.save({"model": weights, "epoch": 3}, path)
    content, refused = path.read_bytes(), 0
    for number in range(300):
        path.write_bytes(helpers.damaged(content, rng, cut=number % 5 == 0))
        try:
            found = state_dict.read_torch(path)
        except UserError:
            refused += 1
            continue
        assert found["epoch"] == 3 and list(found["model"]) == list(weights)
        for key, value in weights.items():
            np.testing.assert_array_equal(found["model"][key], value)
    assert refused > 200


def test_a_tensor_that_repeats_a_few_bytes_is_refused(tmp_path):
    torch.save({"a.weight": torch.ones(1).expand(10**6, 10**6)}, tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a tensor \[1000000, 1000000\] repeats the 4 bytes"):
        state_dict.read_torch(tmp_path / "a.pt")
    torch.save({"a.weight": torch.ones(3, 4).expand(2, 3, 4)}, tmp_path / "a.pt")
    np.testing.assert_array_equal(
        state_dict.read_torch(tmp_path / "a.pt")["a.weight"], np.ones((2, 3, 4))
    )
