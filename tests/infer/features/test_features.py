"""jaxsign features: the numbers against torch and the original, and the work over files."""

import json
import os
from collections import deque
from concurrent import futures

import jax
import numpy as np
import one_by_one
import pytest
from helpers import GOLDEN, SHARED
from run_helpers import save_run

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer.features import folder as features_folder
from jaxsign.infer.features import images as features
from jaxsign.infer.features import inputs as features_inputs
from jaxsign.infer.features import run as features_run
from jaxsign.infer.features.folder import FeatureJob, FeaturePlan
from jaxsign.input.folders import shards
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import validate
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.input.signs.views import fslr156
from jaxsign.nets import fingerprint, inception, state_dict
from parity import cases, compare

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model():
    """The torch reference with weights of the size that training leaves."""
    from parity.reference import inception as reference

    torch.manual_seed(0)
    made = reference.InceptionV3(transform_input=True).eval()
    for part in made.modules():
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight)
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(part.running_var, 0.8, 1.2)
    return made


@pytest.fixture(scope="module")
def weights(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "inception_v3_google-0cc3c7bd.pth"
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def extractor(weights):
    return features.Extractor(*features.load_backbone(weights), batch_size=2)


def images(count, seed=0, size=299):
    shape = (count, size, size, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def torch_features(model, frames):
    from parity.reference import inception as reference

    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (reference.MEAN, reference.STD))
    x = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        return model.features((x - mean) / std).numpy()


def test_features_are_torchs(model, extractor):
    frames = images(3)
    rows = list(extractor.stream([(i, frame) for i, frame in enumerate(frames)]))
    assert [key for key, _ in rows] == [0, 1, 2]
    found, wanted = np.stack([row for _, row in rows]), torch_features(model, frames)
    assert found.dtype == np.float32 and wanted.std() > 0.1
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * wanted.max())


def test_a_frame_does_not_depend_on_its_batch(extractor):
    one, two, three = images(3, seed=1)
    alone = dict(extractor.stream([("a", one)]))["a"]
    rows = dict(extractor.stream([("x", two), ("a", one), ("y", three)]))
    np.testing.assert_allclose(rows["a"], alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("beside", "name", "transform"),
    [
        (GOLDEN, "iv3_backbone_107_notransform", False),
        pytest.param(
            SHARED and SHARED / "golden", "iv3_backbone_299", True, marks=pytest.mark.shared
        ),
    ],
)
def test_fast_compilation_keeps_the_originals_numbers(beside, name, transform):
    case = cases.load(beside / f"fslr/{name}.npz")
    listed = json.loads((GOLDEN / "fslr" / "state_dict_inceptionv3gru.json").read_text())
    prefix = "feat_extractor.backbone."
    rows = {k: tuple(row[0]) for k, row in listed["state_dict"].items() if k.startswith(prefix)}
    drawn = {k: cases.weight_recipe("0", k, shape, ".bn." in k) for k, shape in rows.items()}
    table = inception.state_dict_table(inception.InceptionV3(), key_prefix=prefix)
    variables = state_dict.to_variables(table, drawn)
    net = inception.InceptionV3(transform_input=transform)
    frames = case.inputs["frames"].transpose(0, 2, 3, 1)
    program = features.compile_fast(net.apply, variables, frames)
    found = {"output/features": np.asarray(program(variables, frames)["features"])}
    expected = {"output/features": case.expected["output/features"]}
    differences = compare.compare(expected, found, case.meta["tolerance"])
    assert differences and [d for d in differences if not d.passed] == []


def test_an_unknown_compiler_option_is_done_without(monkeypatch):
    monkeypatch.setattr(features, "_CPU_OPTIONS", {"xla_cpu_of_another_version": "X"})
    double = features.compile_fast(lambda x: 2 * x, np.ones(3, np.float32))
    np.testing.assert_array_equal(double(np.ones(3, np.float32)), np.full(3, 2.0))


def write_video(path, count=7, fps=10, seed=0):
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        ground = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(np.roll(ground, 3 * i, 1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def folder(tmp_path):
    """Two videos, images in two files, and three inputs that are of no use."""
    place = tmp_path / "in"
    write_video(place / "ana" / "hello.mp4", 7)
    write_video(place / "tea.avi", 3, seed=1)
    np.savez(place / "images.npz", frames=images(3, size=40), fps=np.float64(5))
    np.save(place / "more.npy", images(2, seed=3, size=299))
    (place / "broken.mp4").write_bytes(b"nothing")
    np.savez(place / "other.npz", X=np.zeros((3, 156)))
    np.save(place / "none.npy", np.zeros((0, 40, 40, 3), np.uint8))
    return place


def run(capsys, *words):
    code = cli.main(["features", *map(str, words)])
    streams = capsys.readouterr()
    return code, streams.out + streams.err


def test_a_folder_from_end_to_end(folder, weights, extractor, tmp_path, capsys):
    out = tmp_path / "out"
    words = (folder, "--weights", weights, "--out", out, "--batch-size", 2)
    code, text = run(capsys, *words)
    assert code == 2 and "4 written, 3 failed" in text
    for name in ("broken.mp4", "other.npz", "none.npy"):
        assert text.count(f"failed: {folder / name}") == 1
    names = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    names = [name for name in names if name not in (".extract.door.lock", ".extract.lock")]
    assert names == ["ana/hello.npz", "images.npz", "more.npz", "tea.npz"]
    assert validate.validate_tree(out, require_x2048=True).exit_code == 0
    with np.load(out / "ana" / "hello.npz") as made:
        assert made["X2048"].shape == (7, 2048) and made["X2048"].dtype == np.float32
        assert made["timestamps_ms"].tolist() == [0, 100, 200, 300, 400, 500, 600]
        assert json.loads(str(made["meta"]))["target_fps"] == 10
    with np.load(out / "images.npz") as made:
        frames = [features_folder.squeezed(f) for f in images(3, size=40)]
        wanted = [row for _, row in extractor.stream(enumerate(frames))]
        np.testing.assert_allclose(made["X2048"], wanted, rtol=1e-6, atol=1e-6)
        assert made["timestamps_ms"].tolist() == [0, 200, 400]
    before = {p: os.stat(p).st_mtime_ns for p in out.rglob("*.npz")}
    (out / "tea.npz").write_bytes(b"PK cut short")
    code, text = run(capsys, *words)
    assert (
        code == 2
        and "3 inputs done already; 4 inputs to do" in text
        and "1 written, 3 failed" in text
    )
    changed = {p.name for p, when in before.items() if os.stat(p).st_mtime_ns != when}
    assert changed == {"tea.npz"}
    code, text = run(capsys, *words, "--every-nth", 2)
    assert code == 1 and "every_nth was 1, now 2" in text and "--overwrite" in text


@pytest.fixture(scope="module")
def short(weights, tmp_path_factory):
    """Three short films and one that cannot be read, with what one run makes of them."""
    place = tmp_path_factory.mktemp("short")
    for name in ("b.avi", "a.avi", "deep/c.avi"):
        write_video(place / "in" / name, 2, seed=ord(name[-5]))
    (place / "in" / "bad.mp4").write_bytes(b"nothing")
    run_short(weights, place / "in", place / "out")
    return place / "in", made_of(place / "out")


def run_short(weights, place, out, **options):
    plain = ExtractionSettings()
    failed = features_run.run(place, weights, out, settings=plain, batch_size=2, **options)
    return [outcome.name for outcome in failed]


def made_of(out):
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.npz")}


def test_two_parts_at_once_make_what_one_run_makes(short, weights, tmp_path):
    place, wanted = short

    def run(number):
        return run_short(weights, place, tmp_path, shard=shards.Shard(number, 2))

    with futures.ThreadPoolExecutor() as threads:
        assert list(threads.map(run, [1, 2])) == [["bad"], []]
    assert set(wanted) == {"a.npz", "b.npz", "deep/c.npz"} and made_of(tmp_path) == wanted


def test_workers_elsewhere_make_what_one_run_makes(short, weights, tmp_path, capsys):
    place, wanted = short
    elsewhere = one_by_one.OneByOne(dying=["b"])
    assert run_short(weights, place, tmp_path, machines=elsewhere) == ["b", "bad"]
    assert f"failed: {place / 'b.avi'}: its worker died" in capsys.readouterr().out
    assert run_short(weights, place, tmp_path, machines=one_by_one.OneByOne()) == ["bad"]
    assert made_of(tmp_path) == wanted


def test_missing_and_wrong_weights(tmp_path, capsys):
    video = write_video(tmp_path / "a.mp4", 2)
    absent = tmp_path / "w.pth"
    code, text = run(capsys, video, "--weights", absent, "--out", tmp_path / "o")
    assert code == 1 and str(absent) in text and "inception_v3_google-0cc3c7bd.pth" in text
    torch.save({"fc.weight": torch.zeros(3)}, absent)
    code, text = run(capsys, video, "--weights", absent, "--out", tmp_path / "o")
    assert code == 1 and str(absent) in text
    heads = save_run(tmp_path / "run", "iv3_gru")
    code, text = run(capsys, video, "--weights", heads, "--out", tmp_path / "o")
    assert code == 1 and "does not hold an image backbone" in text
    assert not (tmp_path / "o").exists()


def test_the_backbone_of_a_run(model, weights, tmp_path):
    from jaxsign.infer.torch import importing
    from jaxsign.nets import iv3_gru

    prefix = iv3_gru.BACKBONE_KEYS
    stored = {prefix + k: v for k, v in model.state_dict().items() if not k.startswith("fc.")}
    for entry in iv3_gru.NET(num_gloss=5, num_cat=3).key_table():
        if entry.key not in stored:
            stored[entry.key] = torch.zeros(entry.shape)
    torch.save({"model": stored}, tmp_path / "g.pt")
    importing.import_checkpoint(tmp_path / "g.pt", tmp_path / "r", with_backbone=True)
    (net, ours), (_, wanted) = (
        features.load_backbone(tmp_path / "r"),
        features.load_backbone(weights),
    )
    assert net.transform_input
    assert fingerprint.fingerprint(ours) == fingerprint.fingerprint(wanted)
    changed = jax.tree.map(np.array, wanted)
    changed["params"]["Conv2d_1a_3x3"]["conv"]["kernel"][0, 0, 0, 0] += 1
    assert fingerprint.fingerprint(changed) != fingerprint.fingerprint(wanted)


def test_nothing_to_do(tmp_path, capsys, weights):
    for target, words in ((tmp_path / "no", "no such file"), (tmp_path, "no videos")):
        code, text = run(capsys, target, "--weights", weights, "--out", tmp_path / "o")
        assert code == 1 and words in text


class Means:
    """Stands in for the net: the mean colour, 2048 times."""

    def stream(self, frames):
        pairs = list(frames)
        yield from ((key, np.full(2048, frame.mean(), np.float32)) for key, frame in pairs)


def plan(out, **options):
    return FeaturePlan(out=out, settings=ExtractionSettings(**options), net={"net": "means"})


def jobs_of(target, out):
    return [FeatureJob(name, path) for name, path in features_inputs.find(target, out).items()]


def join(jobs, source):
    keypoints = features_folder.Keypoints(source)
    for job in jobs:
        keypoints.join(job)


def recorded(count, fps=10.0, name="hello"):
    points = np.random.default_rng(0).random((count, 543, 3), np.float32)
    return clips.Clip(points, np.arange(count) / fps, (64, 48), fps, name)


def test_keypoints_are_joined(tmp_path):
    video = write_video(tmp_path / "in" / "ana" / "hello.mp4", 7)
    clip = recorded(4, fps=5.0)
    clip.save(tmp_path / "clips" / "ana" / "hello.clip.npz")
    jobs = jobs_of(tmp_path / "in", tmp_path / "out")
    join(jobs, tmp_path / "clips")
    deque(features_folder.work_off(jobs, Means(), plan(tmp_path / "out", every_nth=2)), 0)
    assert [job.reason for job in jobs] == [""] and jobs[0].path == video
    x, visible = fslr156.keypoints(clip)
    with np.load(tmp_path / "out" / "ana" / "hello.npz") as made:
        np.testing.assert_array_equal(made["X"], x)
        np.testing.assert_array_equal(made["mask"], visible)
        assert made["X2048"].shape == (4, 2048)
        assert made["timestamps_ms"].tolist() == [0, 200, 400, 600]
    assert validate.validate_tree(tmp_path / "out", require_x2048=True).exit_code == 0


@pytest.mark.parametrize(
    ("count", "fps", "words"),
    [
        (5, 10.0, "7 frames, but its keypoints have 5"),
        (9, 10.0, "7 frames, but its keypoints have 9"),
        (7, 5.0, "0.60 s apart"),
        (0, 0, "no clip named 'hello'"),
    ],
)
def test_keypoints_that_do_not_fit_fail_that_video_alone(tmp_path, count, fps, words):
    write_video(tmp_path / "in" / "hello.mp4", 7)
    write_video(tmp_path / "in" / "zebra.mp4", 3)
    recorded(3).save(tmp_path / "clips" / "zebra.clip.npz")
    if count:
        recorded(count, fps).save(tmp_path / "clips" / "hello.clip.npz")
    jobs = jobs_of(tmp_path / "in", tmp_path / "out")
    join(jobs, tmp_path / "clips")
    fit = [job for job in jobs if not job.reason]
    deque(features_folder.work_off(fit, Means(), plan(tmp_path / "out")), 0)
    assert words in jobs[0].reason and "hello.mp4" in jobs[0].reason
    assert jobs[1].reason == ""
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["zebra.npz"]


def test_damaged_videos(tmp_path):
    good = write_video(tmp_path / "good.avi", 60)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    for keep, count in ((False, 0), (True, 1)):
        job = FeatureJob("cut", cut)
        wanted = FeaturePlan(tmp_path / "out", ExtractionSettings(), {}, keep_partial=keep)
        deque(features_folder.work_off([job], Means(), wanted), 0)
        assert bool(job.reason) != keep
        assert len(list(tmp_path.glob("out/*.npz"))) == count


def test_names_that_differ_only_in_their_ending(tmp_path):
    write_video(tmp_path / "a.mp4", 2)
    write_video(tmp_path / "a.avi", 2)
    write_video(tmp_path / "out" / "b.mp4", 2)
    assert sorted(features_inputs.find(tmp_path, tmp_path / "out")) == ["a.avi", "a.mp4"]


def test_files_of_another_origin_are_not_taken_for_results(tmp_path):
    write_video(tmp_path / "in" / "a.mp4", 2)
    (tmp_path / "out").mkdir()
    np.savez(tmp_path / "out" / "a.npz", X2048=np.zeros((2, 2048), np.float32))
    jobs = jobs_of(tmp_path / "in", tmp_path / "out")
    with pytest.raises(UserError, match="a.npz: was not made by jaxsign features"):
        features_folder.left_to_do(jobs, plan(tmp_path / "out"))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": images(2, size=9), "b": images(2, size=9)}, "in one array"),
        ({"a": images(2, size=9).astype(np.float32)}, "uint8"),
        ({"a": images(2, size=9), "timestamps": np.asarray([1.0, 0.0])}, "do not fit"),
        ({"a": images(2, size=9), "timestamps_ms": np.arange(3)}, "do not fit"),
        ({"a": images(2, size=9), "fps": np.zeros(0)}, "times of its images cannot be read"),
        ({"a": images(2, size=9), "fps": -5.0}, "fps = -5"),
        ({"a": images(2, size=9), "timestamps": np.asarray(["x", "y"])}, "cannot be read"),
        ({"a": images(2, size=9)[:, :0]}, "no pixels"),
    ],
)
def test_array_files_that_do_not_fit(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=words):
        list(features_inputs.images(tmp_path / "a.npz", ExtractionSettings()))


def test_sampling_is_that_of_the_landmarks(tmp_path):
    from jaxsign.input.signs.extract import recording, video

    path = write_video(tmp_path / "a.mp4", 20, fps=25)
    for options in ({}, {"target_fps": 10.0}, {"every_nth": 3}):
        chosen = ExtractionSettings(**options)
        with video.Video(path) as opened:
            wanted = [frame.seconds for frame in recording.kept(opened, chosen)]
        assert [seconds for seconds, _, _ in features_inputs.images(path, chosen)] == wanted


def names_in(folder):
    return sorted(path.name for path in folder.glob("*.npz"))


def test_a_video_that_joins_or_leaves_does_not_rename_the_others(tmp_path):
    videos, out = tmp_path / "in", tmp_path / "out"
    write_video(videos / "a.mp4", 2)
    deque(features_folder.work_off(jobs_of(videos, out), Means(), plan(out)), 0)
    write_video(videos / "a.avi", 3)
    todo = features_folder.left_to_do(jobs_of(videos, out), plan(out))
    assert [(job.name, job.path.name) for job in todo] == [("a.avi", "a.avi")]
    deque(features_folder.work_off(todo, Means(), plan(out)), 0)
    (videos / "a.mp4").unlink()
    assert features_folder.left_to_do(jobs_of(videos, out), plan(out)) == []
    assert names_in(out) == ["a.avi.npz", "a.npz"]


@pytest.mark.parametrize("other", ["a.mp4", "a.avi"])
def test_another_video_is_not_taken_for_the_one_of_a_result(tmp_path, other):
    out = tmp_path / "out"
    first = write_video(tmp_path / "one" / "a.mp4", 2)
    deque(features_folder.work_off(jobs_of(first, out), Means(), plan(out)), 0)
    second = write_video(tmp_path / "two" / other, 9)
    with pytest.raises(UserError, match=r"a.npz: .*bytes was \d+, now \d+"):
        features_folder.left_to_do(jobs_of(second, out), plan(out))


def test_an_unforeseen_failure_costs_one_input(tmp_path, monkeypatch):
    write_video(tmp_path / "in" / "a.mp4", 2)
    write_video(tmp_path / "in" / "b.mp4", 2)
    resize = features_folder.squeezed
    calls = iter([MemoryError("no room")])

    def once(image):
        for error in calls:
            raise error
        return resize(image)

    monkeypatch.setattr(features_folder, "squeezed", once)
    jobs = jobs_of(tmp_path / "in", tmp_path / "out")
    deque(features_folder.work_off(jobs, Means(), plan(tmp_path / "out")), 0)
    assert "MemoryError: no room" in jobs[0].reason and jobs[1].reason == ""
    assert names_in(tmp_path / "out") == ["b.npz"]


def test_a_name_too_long_for_a_result_fails_alone(tmp_path):
    write_video(tmp_path / "in" / ("l" * 252 + ".ts"), 2)  # the result is not even a name
    write_video(tmp_path / "in" / "short.mp4", 2)
    (tmp_path / "out").mkdir()
    jobs = jobs_of(tmp_path / "in", tmp_path / "out")
    todo = features_folder.left_to_do(jobs, plan(tmp_path / "out"))
    deque(features_folder.work_off(todo, Means(), plan(tmp_path / "out")), 0)
    assert "name too long" in jobs[0].reason and jobs[1].reason == ""
