"""Classes of a fresh net of relations start from vectors of their names."""

import numpy as np

from jaxsign import nets
from jaxsign.input import words
from jaxsign.train import initial

NAMES = ("__background__", "person", "bag", "unicorn")


def test_classes_start_from_the_vectors_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXSIGN_CACHE", "")
    path = tmp_path / "words.txt"
    path.write_text("person 1 2\nbag 3 4\n")
    net = nets.build("sttran", num_objects=4, word_dim=2)
    made = {"params": {"object_classifier": {"kept": 1}, "pair_features": {"kept": 2}}}
    found, notes = initial.with_words(made, net, str(path), {"objects": NAMES})
    unknown = words.of_names("", NAMES, 2).table[3].tolist()
    wanted = [[0, 0], [1, 2], [3, 4], unknown]
    told = found["params"]["pair_features"]
    assert told["kept"] == 2 and found["params"]["object_classifier"]["kept"] == 1
    for name in ("subject_words", "object_words"):
        np.testing.assert_array_equal(told[name]["table"], np.float32(wanted))
    boxes = found["params"]["object_classifier"]["words"]["table"]
    np.testing.assert_array_equal(boxes, np.float32(wanted[1:]))
    (note,) = notes
    assert "3 of 4 classes" in note and "unicorn" in note and str(path) in note
    assert initial.with_words(made, net, "", {"objects": NAMES})[1] == []
