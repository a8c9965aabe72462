"""manifest.json: what is written is read again, also by earlier versions' names."""

import dataclasses
import json
import math

import pytest

from jaxsign import run_files
from jaxsign.errors import UserError
from jaxsign.tasks import manifests

FULL = manifests.Manifest(
    jaxsign="0.1.0", system="vidsgg", net="sttran", device="1 x cpu", packages={"jax": "0.7"},
    parameters=12, trainable_arrays=3, epochs_done=2, ended=False, best_epoch=1, best_metric=0.5,
    also_best={"loss": manifests.AlsoBest(2, 0.25)}, monitor="recall@20",
    monitor_column="val_recall@20", train_examples=4, val_examples=2,
    trained_on={"rate": (25.0, 30.0, 30.0)}, paired=[0, 3], together=[[0, 0], [1, 2]],
    started="2026-01-02T03:04:05+00:00", written="2026-01-02T03:05:05+00:00",
    imported=manifests.Origin(
        file="a.pt", sha256="0" * 64, epoch=7, notes=("left out",),
        config={"kept": None, "as": {"it": {}, "was": ""}},
    ),
)  # fmt: skip


@pytest.mark.parametrize("manifest", [FULL, manifests.Manifest()])
def test_what_is_written_is_read_again(manifest, tmp_path):
    manifests.write(tmp_path, manifest)
    assert manifests.read(tmp_path) == manifest


def test_what_is_not_known_or_no_number_is_left_out(tmp_path):
    odd = {"loss": manifests.AlsoBest(2, math.nan)}
    manifests.write(tmp_path, dataclasses.replace(FULL, best_metric=math.inf, also_best=odd))
    told = json.loads((tmp_path / run_files.MANIFEST).read_text(), parse_constant=pytest.fail)
    assert "best_metric" not in told and told["also_best"] == {"loss": {"epoch": 2}}
    assert told["ended"] is False
    assert manifests.read(tmp_path).best_metric is None


def test_earlier_versions_are_read(tmp_path):
    """Their imports had other names, and wrote NaN."""
    (tmp_path / run_files.MANIFEST).write_text(
        '{"metric": "loss", "created": "2025-01-02", "best_metric": NaN, "imported": {}}'
    )
    found = manifests.read(tmp_path)
    assert (found.monitor, found.written, found.best_metric) == ("loss", "2025-01-02", None)
    assert found.imported == manifests.Origin()
    assert manifests.read(tmp_path / "none") == manifests.Manifest()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not what a run writes"),
        ("[1]", "not what a run writes"),
        ('{"best_epoch": "one"}', "best_epoch: expected a number, found 'one'"),
        ('{"monitor": 3}', "monitor: expected a text, found 3"),
        ('{"packages": "jax"}', "not what a run writes"),
        ('{"also_best": {"loss": 1}}', "not what a run writes"),
        ('{"trained_on": {"rate": [1]}}', "trained_on: expected three numbers"),
    ],
)
def test_what_was_edited_is_named_with_a_way_out(tmp_path, text, words):
    (tmp_path / run_files.MANIFEST).write_text(text)
    with pytest.raises(UserError, match=words) as told:
        manifests.read(tmp_path)
    assert str(tmp_path / run_files.MANIFEST) in str(told.value) and "Remove it" in str(told.value)
