"""What tests of making scenes share: a small detector and an annotated set."""

import detecting
import pytest


@pytest.fixture(scope="session")
def looker():
    return detecting.looker()


@pytest.fixture(scope="session")
def annotated(tmp_path_factory):
    return detecting.three(tmp_path_factory.mktemp("annotated") / "set")
