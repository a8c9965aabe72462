"""What a trace tells of operations."""

import pytest

from jaxsign.train import traces


@pytest.mark.parametrize(
    "name",
    ["dot", "dot_general.3", "convolution.1", "conv_general_dilated.3", "convolution-base-dilated"],
)
def test_products_go_on_in_other_threads(name):
    assert traces.elsewhere(name)


@pytest.mark.parametrize("name", ["convert.2", "dot_add_fusion", "ynn_fusion.7", "while.2", "add"])
def test_other_operations_end_where_they_began(name):
    assert not traces.elsewhere(name)
