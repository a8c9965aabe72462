"""What holds of every net of relations: a video's neighbours and padding change nothing of it."""

import jax
import numpy as np
import pytest
import scenes
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

# Detected boxes are learned as those of sgcls and answered of as those of predcls: see below.
MODES = ("predcls", "sgcls")
every_net = pytest.mark.parametrize("name", scenes.NETS)
every_mode = pytest.mark.parametrize("mode", MODES)
# Of detected boxes these take the surest of a class, or tell classes anew: their answers are others
# than predcls's.
OF_DETECTED = ("stket", "tempura")
every_answer = pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, mode) for name in scenes.NETS for mode in MODES),
        *((n, "sgdet") for n in OF_DETECTED),
    ],
)
# A smaller example that fails too would be looked for with eight calls each.
a_batch = settings(max_examples=3, phases=(Phase.explicit, Phase.reuse, Phase.generate))
SEVERAL = st.lists(
    st.tuples(st.integers(1, scenes.SIZES[0]), st.integers(1, scenes.SIZES[1])),
    min_size=scenes.COUNT,
    max_size=scenes.COUNT,
)


def alone(run, video):
    """`run` of one video whose batch is filled up with empty rows."""
    row = scenes.batch([video], *scenes.SIZES)
    empty = {
        name: np.zeros((scenes.COUNT - 1, *one.shape[1:]), one.dtype) for name, one in row.items()
    }
    return run({name: np.concatenate([one, empty[name]]) for name, one in row.items()})


def assert_same(found, wanted, name):
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-5, err_msg=name)


@every_net
@every_mode
@a_batch
@given(sizes=SEVERAL, seed=st.integers(0, 99))
def test_eight_videos_teach_as_one_by_one_and_in_reverse(name, mode, sizes, seed):
    learn = scenes.learn(scenes.net_of(name, mode))
    videos, rng = scenes.some_videos(sizes, seed)
    together, grads = learn(scenes.batch(videos, *scenes.SIZES, rng))
    reverse, grads_of_reverse = learn(scenes.batch(videos[::-1], *scenes.SIZES, rng))
    apart = [alone(learn, video) for video in videos]
    for key, found in together.items():
        wanted = np.stack([told[key][0] for told, _ in apart])
        assert_same(found, wanted, key)
        assert_same(reverse[key][::-1], wanted, key)
    total = jax.tree.map(lambda *all_grads: sum(all_grads), *[one for _, one in apart])
    for found in (grads, grads_of_reverse):
        jax.tree.map(scenes.assert_as_large, found, total)


@every_answer
@a_batch
@given(sizes=SEVERAL, seed=st.integers(0, 99))
def test_eight_videos_are_answered_as_one_by_one_and_in_reverse(name, mode, sizes, seed):
    answer = scenes.answer(scenes.net_of(name, mode))
    videos, rng = scenes.some_videos([(3, 4), *sizes[1:]], seed, every=mode == "sgcls")
    together = answer(scenes.batch(videos, *scenes.SIZES, rng))
    reverse = answer(scenes.batch(videos[::-1], *scenes.SIZES, rng))
    frames, pairs = videos[0]["pairs"].shape[:2]
    without_padding = answer(scenes.batch(videos[:1], frames, 4, pairs))
    apart = [without_padding, *(alone(answer, video) for video in videos[1:])]
    for number, (video, told) in enumerate(zip(videos, apart, strict=True)):
        for key, value in told.items():
            wanted = scenes.real(key, value[0], video)
            assert_same(scenes.real(key, together[key][number], video), wanted, key)
            assert_same(scenes.real(key, reverse[key][-1 - number], video), wanted, key)


@every_net
def test_sgdet_learns_as_sgcls_and_answers_as_predcls(name):
    batch = scenes.batch(scenes.some_videos([(2, 3)], 0)[0], *scenes.SIZES)

    def traced(make, mode):
        return str(jax.make_jaxpr(make(scenes.net_of(name, mode)))(batch))

    assert traced(scenes.learn, "sgdet") == traced(scenes.learn, "sgcls")
    if name not in OF_DETECTED:
        assert traced(scenes.answer, "sgdet") == traced(scenes.answer, "predcls")
