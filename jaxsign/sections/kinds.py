"""The kinds of learning that a recipe may ask for, and the folders where each one stands."""

from typing import NamedTuple


class TaskFolders(NamedTuple):
    """Where a kind of learning stands.

    Attributes:
      task: its folder of jaxsign/tasks.
      input: the folder of jaxsign/input whose `sources` find its data.
    """

    task: str
    input: str


# By what a recipe calls it (`task.name`).
KINDS = {
    "classify": TaskFolders("classes", "signs"),
    "masked": TaskFolders("masked", "signs"),
    "ctc_attention": TaskFolders("sequences", "signs"),
    "scene_graph": TaskFolders("scenes", "scenes"),
    "action_graph": TaskFolders("actions", "scenes"),
    "detections": TaskFolders("detections", "boxes"),
}
