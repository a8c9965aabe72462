"""Clips that do not tell their language are asked about in one that is given."""

import numpy as np
import pytest
import run_helpers

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import asking
from jaxsign.infer import run as runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_helpers.save_points_run(tmp_path_factory.mktemp("run") / "r", languages=2)


def test_a_net_is_told_the_language_that_is_given(folder):
    x = np.random.default_rng(0).random((1, 5, 75, 3), np.float32).repeat(2, 0)
    asker = asking.Asker(runs.load_run(folder, language=1))
    # What a batch tells goes before.
    told = asker.ask({"x": x, "language": np.array([0, 1], np.int32)})["gloss"]
    assert not np.allclose(told[0], told[1])
    for row in asker.ask({"x": x})["gloss"]:
        np.testing.assert_allclose(row, told[1], rtol=1e-6)


def test_a_language_that_lacks_or_that_there_is_not_is_told(folder, tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((5, 75, 3), np.float32))
    words = ["predict", "--workdir", str(folder), str(tmp_path / "a.npy")]
    assert cli.main(words) == 1
    assert "Give its number with --language N, 0 to 1" in capsys.readouterr().err
    assert cli.main([*words, "--language", "2"]) == 1
    assert "--language 2" in (told := capsys.readouterr().err) and "Give 0 to 1" in told
    assert cli.main([*words, "--language", "1"]) == 0
    plain = run_helpers.save_run(tmp_path / "plain")
    with pytest.raises(UserError, match="--language 0.*answers without: leave it out"):
        runs.load_run(plain, language=0)


@pytest.mark.parametrize("languages", [0, 2])
def test_a_language_chooses_the_shape_of_its_films(tmp_path, languages):
    """Also where the net has one softmax over all of them."""
    folder = run_helpers.save_points_run(tmp_path / "r", languages=languages)
    config = configs.load_run_config(folder)
    config.data.update(aspect=(0.5, 0.8), source="signon")
    configs.save_run_config(config, folder)
    points = np.random.default_rng(0).random((4, 75, 3)).astype(np.float32)
    for language, aspect in ((None, 0.5), (0, 0.5), (1, 0.8)):
        run = runs.load_run(folder, language=language)
        np.testing.assert_allclose(run.features(points)[..., 1], aspect * points[..., 1], rtol=1e-5)
        assert run.view is not None
        assert ("--language N" in run.view.assumes(points)) == (language is None)
    with pytest.raises(UserError, match="--language 2: .*r knows 2 languages. Give 0 to 1"):
        runs.load_run(folder, language=2)
