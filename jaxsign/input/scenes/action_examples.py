"""Graphs of actions as examples: scenes whose frames show what their wearer does, with what."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from jaxsign.errors import UserError
from jaxsign.input.scenes import examples, scene_source
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import PERSON, Vocabulary

Array = np.ndarray
GROUPS = (("verb", "one"), ("edge", "several"))  # names and kinds
_VERB_GIVEN = "edgecls", "predcls", "sgcls"  # modes that are given the verb


class ActionExamples(examples.SceneExamples):
    """Videos of F frames with up to M boxes and Q objects that something is done with.

    A batch of B videos is one of `SceneExamples` without union features, and
      verbs: int32 [B, F, Q], what is done, 0 where nobody says.
      verb_features: float32 [B, F, Q, V], of the graph that the frame shows.
      graphs: int32 [B, F], that graph, from 0 in each video.

    Args:
      source, candidates, training: as of `SceneExamples`.

    Raises:
      UserError: as there, and for scenes that are no graphs of actions.
    """

    kinds_of_features: ClassVar[Mapping[str, str]] = {
        "feature_dim": "features",
        "verb_dim": "verb_features",
    }

    def __init__(
        self, source: scene_source.SceneSource, *, candidates: bool = False, training: bool = False
    ):
        check_words(source.vocabulary, source.name)
        super().__init__(source, candidates=candidates, training=training)
        self._true = None  # of boxes that are given, nothing else is true

    @classmethod
    def asked(cls, source: scene_source.SceneSource, mode: str, *, training: bool) -> bool:
        """Whether nobody labelled a pair, so that all of them are to be told of.

        Raises:
          UserError: the mode is given the verbs, and nobody says what is done.
        """
        told = [bool(row.labelled.any()) for row in source.outlines]
        if mode in _VERB_GIVEN and not all(told):
            raise UserError(
                f"{source.name}: nobody says what is done in {source.ids[told.index(False)]} (no "
                f"pair of it is labelled), which mode {mode} is given. Take a run of mode easgcls, "
                "which tells verbs too"
            )
        return not training and not any(told)

    @classmethod
    def recalled(cls, words: Vocabulary) -> slice:
        """Edges: a triplet of EASG's recall needs one."""
        return slice(words.parts[0].stop, len(words.predicates))

    def _of_frames(self, scene: Scene) -> dict[str, Array]:
        assert scene.frame_graphs is not None  # verbs have features
        return {**super()._of_frames(scene), "graphs": scene.frame_graphs}

    def _shown(self, scene: Scene, kept: slice | Array) -> dict[str, Array]:
        assert scene.frame_graphs is not None and scene.verb_features is not None
        done = scene.relations[kept][:, scene.vocabulary.parts[0]]
        graphs = scene.frame_graphs[scene.pair_frames[kept]]
        return {
            "verbs": done.argmax(axis=1).astype(np.int32),
            "verb_features": scene.verb_features[graphs],
        }

    def _shapes(self, boxes: int, told: int) -> dict[str, tuple[tuple[int, ...], npt.DTypeLike]]:
        return {
            "verbs": ((told,), np.int32),
            "verb_features": ((told, self.widths["verb_dim"]), np.float32),
            "graphs": ((), np.int32),
        }


def check_words(words: Vocabulary, where: str) -> None:
    """Raises UserError for classes that are not those of graphs of actions."""
    found = tuple((group.name, group.kind) for group in words.groups)
    if found != GROUPS or not words.has_person:
        told = ", ".join(f"{name} ({kind})" for name, kind in found)
        raise UserError(
            f"{where}: are no graphs of actions: groups {told}. Expected verb (one) and edge "
            f"(several), and {PERSON!r}, who wears the camera, as the first of the objects"
        )
