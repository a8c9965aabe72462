"""Where a training step's time goes: a tiny recipe's, and by hand."""

import json

import pytest

from benchmarks import flops, hlo, profile, shares
from jaxsign.nets import sign_transformer
from jaxsign.train.traces import TraceEvent

TEXT = """\
HloModule jit_train_step, is_scheduled=true

%fused_computation.1 (p: f32[4,6]) -> f32[4,6] {
  %p = f32[4,6]{1,0} parameter(0)
  %add.1 = f32[4,1]{1,0} add(%p, %p), metadata={op_name="jit(s)/jvp(Net)/layer_0/add"}
  ROOT %mul.1 = f32[4,6]{1,0} multiply(%p, %p), metadata={op_name="jit(s)/jvp(Net)/norm1/mul"}
}

%fused_computation.2 (p: f32[4,6]) -> f32[6,4] {
  %p.1 = f32[4,6]{1,0} parameter(0)
  ROOT %t = f32[6,4]{1,0} transpose(%p.1), metadata={op_name="jit(s)/jvp(Net)/norm1/transpose"}
}

ENTRY %main (a: f32[4,3]) -> f32[4,6] {
  %a = f32[4,3]{1,0} parameter(0)
  %b = f32[3,6]{1,0} parameter(1)
  %dot.1 = f32[4,6]{1,0} dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  %image = f32[1,8,8,3]{3,2,1,0} parameter(2)
  %kernel = f32[3,3,3,5]{3,2,1,0} parameter(3)
  %conv.1 = f32[1,8,8,5]{3,2,1,0} convolution(%image, %kernel), dim_labels=b01f_01io->b01f
  %fusion.1 = f32[4,6]{1,0} fusion(%dot.1), kind=kLoop, calls=%fused_computation.1
  %fusion.2 = f32[6,4]{1,0} fusion(%dot.1), kind=kLoop, calls=%fused_computation.2
  %sub.1 = f32[4,6]{1,0} subtract(%a, %b), metadata={op_name="jit(s)/optimizer/sub"}
  %max.1 = f32[4,6]{1,0} maximum(%a, %b), metadata={op_name="jit(s)/jvp(Net)/attend/max"}
  %or.1 = u32[4,6]{1,0} shift-left(%a, %b), metadata={op_name="jit(s)/jvp(Net)/shift_left"}
  ROOT %exp.1 = f32[4,6]{1,0} exponential(%fusion.1)
}
"""


def test_instructions_are_told_by_what_is_fused_in_them():
    program = hlo.Program(TEXT)
    expected = {
        "dot.1": hlo.PRODUCTS,
        "conv.1": hlo.CONVOLUTIONS,
        "fusion.1": hlo.NORMS,  # 24 numbers, and 4 of another layer's
        "fusion.2": hlo.COPIES,
        "sub.1": hlo.OPTIMIZER,
        "max.1": hlo.ATTENTION,
        "or.1": hlo.RANDOM,
        "exp.1": hlo.OTHERS,
        "of_no_program": hlo.OTHERS,
    }
    assert {name: program.kind(name) for name in expected} == expected
    assert program.operations("dot.1") == 2 * 4 * 3 * 6
    assert program.operations("conv.1") == 2 * 8 * 8 * 5 * 27
    assert program.operations("fusion.1") == 0


def test_time_is_shared_by_what_runs_at_once():
    second = 1e9
    events = [
        TraceEvent("while.1", 0, 0, 10 * second),
        TraceEvent("dot.1", 0, 1 * second, 5 * second),
        TraceEvent("fusion.1", 0, 3 * second, 5 * second),
        TraceEvent("fusion.2", 0, 12 * second, 13 * second),
    ]
    spent = shares.by_kind(events, hlo.Program(TEXT))
    assert spent[hlo.PRODUCTS] == 3 and spent[hlo.NORMS] == 1 and spent[hlo.COPIES] == 1
    assert spent[hlo.OTHERS] == 6 and spent[hlo.IDLE] == 2 and sum(spent.values()) == 13


def test_a_tiny_recipes_step_is_shared_out_whole(tmp_path, capsys):
    words = ["emb_dim=16", "n_heads=2", "n_layers=1", "ff_dim=32"]
    words = [f"--config.net.{word}" for word in words] + ["--config.input.buckets=(24,)"]
    file = tmp_path / "p.json"
    where = ["fslr_transformer", "--frames", "20", "--steps", "2", "--json", str(file)]
    profile.main([*where, *words, "--config.input.batch_size=4"])
    found = json.loads(file.read_text())
    assert set(found["shares"]) == set(hlo.KINDS)
    assert sum(found["shares"].values()) == pytest.approx(1)
    for kind in (hlo.PRODUCTS, hlo.NORMS, hlo.ATTENTION, hlo.RANDOM, hlo.OPTIMIZER):
        assert found["shares"][kind] > 0, kind
    assert found["shape"] == [4, 24, 156] and found["of_peak"] > 0
    # What the compiler makes of a few products has other orders, such as sums for products.
    net = sign_transformer.SignTransformer(emb_dim=16, n_heads=2, n_layers=1, ff_dim=32)
    assert found["gflop"] == pytest.approx(flops.count(net, 4, 24, train=True) / 1e9, rel=0.1)
    assert "matrix products" in capsys.readouterr().out
