"""InceptionV3: the original's activations and features, its keys, and its training behaviour."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import GOLDEN, SHARED

from jaxsign.errors import UserError
from jaxsign.nets import inception, state_dict
from jaxsign.nets.layers import inception_blocks as blocks
from parity import cases, compare

KEYS = "feat_extractor.backbone."


@pytest.fixture(scope="module")
def listed():
    """The original's keys and shapes of the backbone, in its order."""
    file = GOLDEN / "fslr" / "state_dict_inceptionv3gru.json"
    rows = json.loads(file.read_text())["state_dict"]
    return {key: tuple(row[0]) for key, row in rows.items() if key.startswith(KEYS)}


@pytest.fixture(scope="module")
def weights(listed):
    return {k: cases.weight_recipe("0", k, shape, ".bn." in k) for k, shape in listed.items()}


@pytest.fixture(scope="module")
def variables(weights):
    table = inception.state_dict_table(inception.InceptionV3(), key_prefix=KEYS)
    return state_dict.to_variables(table, weights)


def _abstract(net, size=96):
    frames = jnp.zeros((1, size, size, 3))
    return jax.eval_shape(lambda: net.init(jax.random.key(0), frames))


def test_table_has_the_originals_keys_shapes_and_order(listed):
    table = inception.state_dict_table(inception.InceptionV3(), ("backbone",), KEYS)
    assert [(e.key, e.shape) for e in table] == list(listed.items())
    assert {e.path[:2] for e in table} == {("params", "backbone"), ("batch_stats", "backbone")}


def test_table_fits_the_nets_variables(variables):
    made = _abstract(inception.InceptionV3())
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, made)
    assert jax.tree.map(lambda v: v.dtype, made["batch_stats"]) == jax.tree.map(
        lambda v: v.dtype, variables["batch_stats"]
    )


def test_sizes_of_torchvisions_module():
    net = inception.InceptionV3(num_classes=1000)
    shapes = jax.tree.leaves(_abstract(net)["params"])
    assert sum(int(np.prod(leaf.shape)) for leaf in shapes) == 27_161_264
    table = inception.state_dict_table(net)
    assert len(table) == 580
    assert [e.key for e in table[-2:]] == ["fc.weight", "fc.bias"]
    assert len(inception.state_dict_table(inception.InceptionV3(aux_logits=False))) == 564


def test_map_there_and_back_is_exact(weights, variables):
    table = inception.state_dict_table(inception.InceptionV3(), key_prefix=KEYS)
    back = state_dict.to_state_dict(table, variables)
    assert list(back) == list(weights)
    for key, value in weights.items():
        assert back[key].dtype == value.dtype
        np.testing.assert_array_equal(back[key], value)


def _stages(intermediates):
    """Statistics of each sown activation under the golden files' names."""
    produced = {}
    for name, (activation,) in intermediates.items():
        y = np.asarray(activation)
        stage, height, width = name.removeprefix("act_"), *y.shape[1:3]
        statistics = [y.mean(), y.std(ddof=1), y.max()]
        produced[f"output/inter/act_stats/{stage}"] = np.array(statistics, np.float32)
        produced[f"output/inter/act_corner/{stage}"] = y[0, 0, 0, :8]
        produced[f"output/inter/act_centre/{stage}"] = y[-1, height // 2, width // 2, :8]
    return produced


def _assert_case(case, variables):
    net = inception.InceptionV3(transform_input=case.call["transform_input"])
    frames = case.inputs["frames"].transpose(0, 2, 3, 1)
    out, sown = jax.jit(lambda v, x: net.apply(v, x, mutable=["intermediates"]))(variables, frames)
    produced = {"output/features": np.asarray(out["features"]), **_stages(sown["intermediates"])}
    expected = {k: v for k, v in case.expected.items() if not k.endswith("weights_crc32")}
    assert len(expected) == 40
    differences = compare.compare(expected, produced, case.meta["tolerance"])
    assert [d for d in differences if not d.passed] == []


def test_original_activations_107(variables):
    path = GOLDEN / "fslr" / "iv3_backbone_107_notransform.npz"
    _assert_case(cases.load(path), variables)


@pytest.mark.shared
def test_original_activations_299(variables):
    _assert_case(cases.load(SHARED / "golden" / "fslr" / "iv3_backbone_299.npz"), variables)


def test_original_features_of_clips_96(variables):
    case = cases.load(GOLDEN / "fslr" / "iv3gru_raw_96.npz")
    net = inception.InceptionV3(transform_input=False)
    clips = case.inputs["frames"]
    frames = clips.reshape(-1, *clips.shape[2:]).transpose(0, 2, 3, 1)
    features = jax.jit(net.apply)(variables, frames)["features"].reshape(*clips.shape[:2], -1)
    rtol, atol = case.meta["tolerance"]["output/inter/features"]
    wanted = case.expected["output/inter/features"]
    np.testing.assert_allclose(features, wanted, rtol=rtol, atol=atol)


def test_normalise_uint8():
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    want = (frames / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(inception.normalise_uint8(frames), want, atol=1e-6)


def test_transform_input_gives_the_symmetric_range():
    frames = np.random.default_rng(0).integers(0, 256, (1, 80, 80, 3), dtype=np.uint8)
    got = inception.to_symmetric_range(inception.normalise_uint8(frames))
    np.testing.assert_allclose(got, (frames / 255 - 0.5) / 0.5, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 74, 299, 3), (1, 299, 299, 1), (299, 299, 3)])
def test_frames_of_a_wrong_shape(shape):
    net = inception.InceptionV3()
    with pytest.raises(ValueError, match="at least 75 x 75"):
        jax.eval_shape(lambda: net.init(jax.random.key(0), jnp.zeros(shape)))


def test_smallest_frames_and_half_precision():
    net = inception.InceptionV3(dtype=jnp.bfloat16)
    frames = jnp.zeros((2, 75, 75, 3))
    out = jax.eval_shape(lambda v: net.apply(v, frames), _abstract(net))
    assert out["features"].shape == (2, 2048) and out["features"].dtype == jnp.bfloat16


def _train_outputs(net, size):
    def run(variables):
        frames = jnp.zeros((2, size, size, 3))
        rngs = {"dropout": jax.random.key(0)}
        return net.apply(variables, frames, train=True, rngs=rngs, mutable=["batch_stats"])[0]

    return jax.eval_shape(run, _abstract(net))


def test_auxiliary_head_runs_only_while_a_classifier_trains():
    classifier = inception.InceptionV3(num_classes=7)
    out = _train_outputs(classifier, 299)
    assert {name: out[name].shape for name in out} == {
        "features": (2, 2048),
        "logits": (2, 7),
        "aux_logits": (2, 7),
    }
    assert set(_train_outputs(inception.InceptionV3(), 96)) == {"features"}
    with pytest.raises(ValueError, match="num_classes=0"):
        _train_outputs(classifier, 96)


def test_initial_weights_follow_torchvision():
    unit = blocks.ConvUnit(blocks.Unit("unit", 384, (3, 3)))
    params = unit.init(jax.random.key(0), jnp.zeros((1, 8, 8, 448)))["params"]
    kernel = params["conv"]["kernel"]
    assert np.std(kernel) == pytest.approx(0.1, rel=0.01) and np.abs(kernel).max() < 1
    assert np.all(params["bn"]["scale"] == 1) and np.all(params["bn"]["bias"] == 0)
    params = inception.Linear(1000, 0.001).init(jax.random.key(0), jnp.zeros((1, 768)))["params"]
    assert np.std(params["kernel"]) == pytest.approx(0.001, rel=0.01)
    assert 0.9 / 768**0.5 < np.abs(params["bias"]).max() <= 1 / 768**0.5


def test_train_mode_against_torch(weights, variables):
    """Batch statistics in every layer: features and all updated running statistics."""
    torch = pytest.importorskip("torch")
    from parity.reference import inception as reference

    theirs = reference.InceptionV3()
    theirs.fc, theirs.dropout = torch.nn.Identity(), torch.nn.Identity()
    state = {k.removeprefix(KEYS): torch.from_numpy(v) for k, v in weights.items()}
    theirs.load_state_dict(state)
    # In smaller pictures the last maps are one place wide: statistics of three numbers, of which
    # torch itself tells others, by more than the tolerance, with another number of threads.
    frames = np.random.default_rng(0).normal(size=(3, 139, 139, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = theirs.train().features(torch.from_numpy(frames).permute(0, 3, 1, 2)).numpy()
    net = inception.InceptionV3(transform_input=False, dropout=0.0)
    run = jax.jit(lambda v, x: net.apply(v, x, train=True, mutable=["batch_stats"]))
    out, updates = run(variables, frames)
    np.testing.assert_allclose(out["features"], wanted, rtol=1e-3, atol=1e-3)
    made = state_dict.to_state_dict(
        inception.state_dict_table(net), {"params": variables["params"], **updates}
    )
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(made[key], value, rtol=1e-3, atol=1e-4, err_msg=key)


class TestTorchvisionFile:
    """`load_torchvision` on files made here in the published file's layout."""

    @pytest.fixture
    def save(self, weights, tmp_path):
        torch = pytest.importorskip("torch")

        def save(keep=lambda key: True, **extra):
            content = {k.removeprefix(KEYS): v for k, v in weights.items()} | extra
            path = tmp_path / "weights.pth"
            torch.save({k: torch.from_numpy(v) for k, v in content.items() if keep(k)}, path)
            return path

        return save

    FC = {"fc.weight": np.ones((1000, 2048), np.float32), "fc.bias": np.ones(1000, np.float32)}

    def test_classifier_is_dropped(self, save, variables):
        loaded = inception.load_torchvision(save(**self.FC))
        assert jax.tree.structure(loaded) == jax.tree.structure(variables)
        jax.tree.map(np.testing.assert_array_equal, loaded, variables)

    def test_classifier_is_kept_for_a_net_that_has_one(self, save):
        net = inception.InceptionV3(num_classes=1000)
        fc = {"AuxLogits.fc.weight": np.ones((1000, 768), np.float32)}
        loaded = inception.load_torchvision(save(**self.FC, **fc), net)
        assert loaded["params"]["fc"]["kernel"].shape == (2048, 1000)

    def test_missing_counters_are_zero(self, save):
        loaded = inception.load_torchvision(save(lambda key: "num_batches" not in key))
        assert loaded["batch_stats"]["Mixed_5b"]["branch1x1"]["bn"]["count"] == 0

    def test_auxiliary_head_may_be_missing(self, save, variables):
        path = save(lambda key: not key.startswith("AuxLogits."))
        loaded = inception.load_torchvision(path)
        assert jax.tree.map(jnp.shape, loaded) == jax.tree.map(jnp.shape, variables)
        head = loaded["params"]["AuxLogits"]
        assert np.std(head["conv1"]["conv"]["kernel"]) == pytest.approx(0.1, rel=0.01)
        assert np.std(head["fc"]["kernel"]) == pytest.approx(0.001, rel=0.01)
        assert np.all(head["conv0"]["bn"]["scale"] == 1) and np.all(
            head["conv0"]["bn"]["bias"] == 0
        )
        assert np.all(loaded["batch_stats"]["AuxLogits"]["conv0"]["bn"]["var"] == 1)
        same = (loaded["params"]["Mixed_7c"], variables["params"]["Mixed_7c"])
        jax.tree.map(np.testing.assert_array_equal, *same)

    def test_a_missing_convolution_is_named(self, save):
        path = save(lambda key: key != "Mixed_5b.branch1x1.conv.weight")
        with pytest.raises(UserError, match="missing key Mixed_5b.branch1x1.conv.weight"):
            inception.load_torchvision(path)

    def test_a_missing_file_says_what_to_get(self, tmp_path):
        with pytest.raises(UserError, match="inception_v3_google-0cc3c7bd.pth"):
            inception.load_torchvision(tmp_path / "none.pth")
