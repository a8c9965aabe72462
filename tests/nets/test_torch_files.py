"""Torch files are read as they were written, or not at all, and without torch."""

import argparse
import collections
import io
import os
import pathlib
import struct
import sys
import zipfile

import helpers
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.infer.torch import importing
from jaxsign.nets import torch_files

FORMS = {"today's": True, "of before 2020": False}


def save(content, path, new=True):
    torch = pytest.importorskip("torch")
    torch.save(content, path, _use_new_zipfile_serialization=new)
    return path


def test_a_flipped_bit_or_a_cut_is_refused_or_changes_nothing(tmp_path):
    torch, rng = pytest.importorskip("torch"), np.random.default_rng(5)
    weights = {"layer.weight": torch.randn(20, 30), "layer.bias": torch.randn(7)}
    path = save({"model": weights, "epoch": 3}, tmp_path / "a.pt")
    content, refused = path.read_bytes(), 0
    for number in range(1000):
        helpers.rewrite(path, helpers.damaged(content, rng, cut=number % 5 == 0))
        try:
            found = torch_files.read(path)
        except UserError:
            refused += 1
            continue
        assert found["epoch"] == 3 and list(found["model"]) == list(weights)
        for key, value in weights.items():
            np.testing.assert_array_equal(found["model"][key], value)
    assert refused > 600


def _with_list(content, data):
    """A file's bytes with another list of tensors, whose checksum fits."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, data if name.endswith("data.pkl") else old.read(name))
    return made.getvalue()


def _list(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))


@pytest.mark.parametrize("form", FORMS)
def test_a_garbled_list_of_tensors_does_no_more_than_be_refused(tmp_path, form):
    torch, rng = pytest.importorskip("torch"), np.random.default_rng(7)
    values = {"set": {1}, "path": pathlib.Path("x"), "best": np.float64(0.5), "w": np.arange(3.0)}
    content = {"model": {"a": torch.randn(5, 6)}, "args": argparse.Namespace(**values)}
    path = save(content, tmp_path / "a.pt", FORMS[form])
    content, refused = path.read_bytes(), 0
    for number in range(250):
        if FORMS[form]:
            spoiled = _list(content)
            for _ in range(1 + number % 3):
                spoiled = helpers.damaged(spoiled, rng, cut=number % 9 == 0)
            helpers.rewrite(path, _with_list(content, spoiled))
        else:
            helpers.rewrite(path, helpers.damaged(content, rng, cut=number % 9 == 0))
        try:
            torch_files.read(path)
        except UserError as error:
            refused += str(path) in str(error)
    assert refused > 120


def test_a_list_that_asks_for_gigabytes_is_refused_before(tmp_path):
    torch = pytest.importorskip("torch")
    path = save({"a": torch.ones(2)}, tmp_path / "a.pt")
    content = path.read_bytes()
    memo = b"\x80\x02}r" + struct.pack("<I", 0xFFFFFFF0) + b"."
    text = b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"a."
    for data in (memo, text):
        path.write_bytes(_with_list(content, data))
        with pytest.raises(UserError, match="it is cut short or garbled"):
            torch_files.read(path)


def test_what_holds_itself_is_refused_and_what_is_shared_is_read_once(tmp_path):
    ring, ladder = [1], [1]
    ring.append(ring)
    for _ in range(60):
        ladder = [ladder, ladder]
    with pytest.raises(UserError, match=r"args\[1\] holds itself"):
        torch_files.read(save({"args": ring}, tmp_path / "a.pt"))
    found = torch_files.read(save(ladder, tmp_path / "b.pt"))
    assert found[0] is found[1]


@pytest.mark.parametrize("form", FORMS)
def test_numbers_and_views_of_every_kind(tmp_path, form):
    torch = pytest.importorskip("torch")
    numbers = torch.arange(24.0).reshape(2, 3, 4)
    kinds = (
        "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
        "bool", "complex64", "complex128", "uint16", "uint32", "uint64", "float8_e4m3fn",
        "float8_e5m2",
    )  # fmt: skip
    content = {kind: numbers.to(getattr(torch, kind)) for kind in kinds}
    content |= {
        "turned": numbers.transpose(0, 2),
        "part": numbers[1, 1:, ::2],
        "expanded": torch.arange(3.0)[:, None].expand(3, 5),
        "conjugate": torch.tensor([1 + 2j]).conj(),
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 5),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    found = torch_files.read(save(content, tmp_path / "a.pt", FORMS[form]))
    assert list(found) == list(content)
    for key, tensor in content.items():
        new = key.startswith(("bfloat", "float8"))
        expected = (tensor.detach().float() if new else tensor.detach().resolve_conj()).numpy()
        assert found[key].dtype == expected.dtype, key
        np.testing.assert_array_equal(found[key], expected, err_msg=key)


def test_tied_weights_share_their_numbers(tmp_path):
    torch = pytest.importorskip("torch")
    weight = torch.ones(3)
    found = torch_files.read(save({"a": weight, "b": weight[1:]}, tmp_path / "a.pt"))
    assert np.shares_memory(found["a"], found["b"])


def test_a_view_beyond_what_is_stored_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    path = save({"a": torch.ones(0x51, 0x61)}, tmp_path / "a.pt")
    content = path.read_bytes()
    for old, new in ((b"K\x51K\x61", b"K\x52K\x61"), (b"K\x61K\x01", b"K\x62K\x01")):
        spoiled = _list(content)
        assert spoiled.count(old) == 1
        path.write_bytes(_with_list(content, spoiled.replace(old, new)))
        with pytest.raises(UserError, match=r"a: a tensor \[8[12], 97\] reaches to number"):
            torch_files.read(path)


def test_a_tensor_that_repeats_a_few_bytes_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    save({"a.weight": torch.ones(1).expand(10**6, 10**6)}, tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a tensor \[1000000, 1000000\] repeats the 4 bytes"):
        torch_files.read(tmp_path / "a.pt")
    save({"a.weight": torch.ones(3, 4).expand(2, 3, 4)}, tmp_path / "a.pt")
    np.testing.assert_array_equal(
        torch_files.read(tmp_path / "a.pt")["a.weight"], np.ones((2, 3, 4))
    )


@pytest.mark.parametrize("form", FORMS)
def test_harmless_values_become_plain_ones(tmp_path, form):
    torch = pytest.importorskip("torch")
    content = {
        "args": argparse.Namespace(lr=1e-4, out=pathlib.PurePosixPath("runs/a")),
        "losses": collections.defaultdict(list, loss=[1.0]),
        "counts": collections.Counter("aab"),
        "ordered": collections.OrderedDict(a=1),
        "kinds": (torch.float16, torch.device("cuda:1"), torch.Size([2, 3]), torch.strided),
        "sets": ({1, 2}, frozenset({3})),
        "bytes": (b"a\xff", bytearray(b"b"), None, True, 1 + 2j, 10**30),
        "numpy": (np.float32(0.5), np.int64(3), np.array(["a"]), np.bool_(True)),
    }
    found = torch_files.read(save(content, tmp_path / "a.pt", FORMS[form]))
    numbers = found.pop("numpy")
    assert numbers[:2] == (0.5, 3) and numbers[2].tolist() == ["a"] and numbers[3] is True
    assert found == {
        "args": {"lr": 1e-4, "out": "runs/a"},
        "losses": {"loss": [1.0]},
        "counts": {"a": 2, "b": 1},
        "ordered": {"a": 1},
        "kinds": ("torch.float16", "cuda:1", (2, 3), "torch.strided"),
        "sets": ({1, 2}, frozenset({3})),
        "bytes": (b"a\xff", b"b", None, True, 1 + 2j, 10**30),
    }
    assert all(type(found[name]) is dict for name in ("args", "losses", "counts", "ordered"))


class _Changes:
    """Pickled, it asks to change the stand-in of torch's own function."""

    def __reduce__(self):
        import torch

        return torch._utils._rebuild_tensor_v2, (), (None, {"__defaults__": (1,)})


class _Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_that_a_file_names_is_run_or_changed(tmp_path):
    path = save({"a": [_Runs(tmp_path / "made")]}, tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"posix.mkdir at a\[0\] .*refused"):
        torch_files.read(path)
    assert not (tmp_path / "made").exists()
    with pytest.raises(UserError, match="a.pt"):
        torch_files.read(save(_Changes(), tmp_path / "a.pt"))


def test_programs_and_other_archives_are_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:  # as torch.jit.save lays it out
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"a/{name}", b"")
    with pytest.raises(UserError, match="TorchScript program"):
        torch_files.read(tmp_path / "a.pt")
    np.savez(tmp_path / "a.npz", a=np.zeros(2))
    with pytest.raises(UserError, match="zip archive without data.pkl"):
        torch_files.read(tmp_path / "a.npz")


def test_without_torch_a_checkpoint_becomes_a_run(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it fails
    sample = helpers.GOLDEN / "fslr/checkpoints/SignTransformer_best.pt"
    found = importing.import_checkpoint(sample, tmp_path / "r", n_heads=2)
    assert found.epoch is not None and found.parameters > 0
