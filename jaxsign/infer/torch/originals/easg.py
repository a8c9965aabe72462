"""EASG-STTran's checkpoints; m3sgg's say of some that they are STTran's."""

from typing import Any, ClassVar

from jaxsign.infer.torch.originals import _scenes
from jaxsign.input.scenes import vocabulary
from jaxsign.nets import action_net

_GROUPS = (
    vocabulary.Group("verb", ("none",), "one"),
    vocabulary.Group("edge", ("none",), "several"),
)


class ActionForm(_scenes.SceneForm):
    """As of nets of relations, with modes, groups and no masks of its own."""

    modes: ClassVar[tuple[str, ...]] = (*action_net.MODES, "predcls")

    def _of_m3sgg(self, notes: list[str]) -> dict[str, Any]:
        return {}

    def _words(self, count: int, sizes: tuple[int, ...], notes: list[str]) -> vocabulary.Vocabulary:
        """The file's numbers of objects, verbs and edges, whose names no file holds."""
        told = ", ".join(f"{n} {what}s" for n, what in zip(sizes, action_net.GROUPS, strict=True))
        notes.append(
            f"named {count - action_net.NO_OBJECTS} objects, {told} by number: the file does not "
            "tell them. Name them: --config.task.objects, --config.task.groups"
        )
        return _scenes.numbered(count, sizes, _GROUPS)


FORM = ActionForm("easg", "easg-sttran", "sttran")
