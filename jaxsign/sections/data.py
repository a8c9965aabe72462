"""`data`: where the examples come from."""

import dataclasses

from jaxsign import arguments, fields

SPLITS = ("train", "val", "test")
# Sources (`data.source`) whose examples are made up by the recipe.
MADE_UP = ("synthetic", "synthetic_scenes", "synthetic_actions")
_NPZ = fields.When("data.source", "npz")
_ACTION_GENOME = fields.When("data.source", "action_genome")
_SIGNON = fields.When("data.source", "signon")

_DIMS = fields.Rule(lambda v: v in (2, 3), "2 or 3")

_RATE = fields.Rule(lambda v: v == 0 or arguments.is_rate(v), "0, or 0.01 to 1000")


@dataclasses.dataclass(frozen=True)
class Place:
    """A split's files."""

    path: str = fields.value("", None, "where the clips of this split lie")
    labels: str = fields.value("", None, "their table, where it is not PATH/labels.csv")


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Made-up signs; the format of that name checks how its numbers fit together."""

    signs: int = fields.value(10, fields.between(1, 100_000), "different signs")
    categories: int = fields.value(3, fields.between(1, 100_000), "groups that they fall into")
    signers: int = fields.value(6, fields.between(1, 100_000), "people, those of val among them")
    val_signers: int = fields.value(
        2, fields.between(0, 100_000), "of these, those of val alone; as many more sign in test"
    )
    clips_per_signer: int = fields.value(8, fields.between(1, 100_000), "of each sign")
    frames: tuple[int, int] = fields.value((20, 60), None, "fewest and most frames of a sign")
    noise: float = fields.value(
        0.004, None, "standard deviation of each point, as a share of the image"
    )
    dropout: float = fields.value(0.05, None, "probability of a hand to be missed in a frame")
    continuous: bool = fields.value(
        False, None, "sentences of several signs in place of single ones"
    )
    glosses: tuple[int, int] = fields.value((2, 5), None, "fewest and most signs of a sentence")
    seed: int = fields.value(0, None, "another one makes other signs")


@dataclasses.dataclass(frozen=True)
class SyntheticScenes:
    """Made-up videos of a person and objects, for nets of relations."""

    videos: int = fields.value(96, fields.COUNT, "training videos")
    val_videos: int = fields.value(24, fields.COUNT, "videos of val, and as many more of test")
    frames: tuple[int, int] = fields.value((6, 12), None, "fewest and most frames of a video")
    objects: int = fields.value(8, fields.between(1, 35), "classes beside the person")
    boxes: tuple[int, int] = fields.value((2, 4), None, "fewest and most objects of a video")
    feature_dim: int = fields.value(64, fields.COUNT, "numbers of a box's features")
    union_dim: int = fields.value(8, fields.COUNT, "channels of the features around a pair")
    noise: float = fields.value(
        0.3, fields.NOT_NEGATIVE, "standard deviation of the features' noise; what they tell is 1"
    )
    tail: float = fields.value(
        1.0,
        fields.NOT_NEGATIVE,
        "power of the shares of what objects are and do: above 1 rare relations are rarer, 0 = all "
        "are alike",
    )
    seed: int = fields.value(0, fields.NOT_NEGATIVE, "another one makes other videos")


@dataclasses.dataclass(frozen=True)
class SyntheticActions:
    """Made-up graphs of actions, for nets that tell of verbs and objects."""

    videos: int = fields.value(240, fields.COUNT, "training videos")
    val_videos: int = fields.value(60, fields.COUNT, "videos of val, and as many more of test")
    graphs: tuple[int, int] = fields.value((1, 3), None, "fewest and most graphs of a video")
    objects: int = fields.value(16, fields.COUNT, "classes beside the wearer")
    verbs: int = fields.value(8, fields.COUNT, "things that are done")
    boxes: tuple[int, int] = fields.value((1, 4), None, "fewest and most objects of a graph")
    feature_dim: int = fields.value(16, fields.COUNT, "numbers of a box's features")
    verb_dim: int = fields.value(12, fields.COUNT, "numbers of a verb's features")
    noise: float = fields.value(
        0.7, fields.NOT_NEGATIVE, "standard deviation of the features' noise; what they tell is 1"
    )
    seed: int = fields.value(0, fields.NOT_NEGATIVE, "another one makes other videos")


@dataclasses.dataclass(frozen=True)
class ActionGenome:
    """Which part of Action Genome is taken; data.train.path is the folder of all of it."""

    size: str = fields.value(
        "large",
        fields.among("large", "small", "mini"),
        "large: all of it; small or mini: of its first 80,000 frames",
    )
    small_objects: str = fields.value(
        "auto",
        fields.among("auto", "keep", "leave_out"),
        "objects with an edge of at most 16 pixels; auto: kept in predcls, left out in sgcls and "
        "sgdet, as STTran does",
    )
    features: str = fields.value(
        "", None, "folder of VIDEO.npz with the features of boxes; empty = PATH/features"
    )
    val: str = fields.value(
        "train",
        fields.among("train", "test"),
        "what training validates on: train: a share of its videos (data.val_share), which are not "
        "trained on; test: the test videos, as STTran does",
    )


@dataclasses.dataclass(frozen=True)
class Folds:
    """Training clips shared out in folds, one of which is the validation split."""

    count: int = fields.value(
        0, fields.NOT_NEGATIVE, "folds of the training clips; 0 = none (`jaxsign train --folds`)"
    )
    number: int = fields.value(
        0, fields.NOT_NEGATIVE, "the fold that is held back to validate, from 1"
    )
    by: str = fields.value(
        "",
        fields.among("", "signer", "stratified"),
        "signer: nobody in two folds; stratified: signs evenly; empty = signer where labels tell",
    )


@dataclasses.dataclass(frozen=True)
class Data:
    """Splits, and how their files are read."""

    source: str = fields.value(
        "npz",
        None,
        (
            "layout of the data: npz, clips, collection, landmarks75, sentences, signon, "
            "whispersign, synthetic (docs/data.md); action_genome, easg, scenes, synthetic_scenes, "
            "synthetic_actions (docs/scene_graphs.md)"
        ),
    )
    train: Place = fields.section(Place)
    val: Place = fields.section(Place)
    test: Place = fields.section(Place)
    key: str = fields.value("X", None, "name of the array in the .npz files", _NPZ)
    label_map: str = fields.value(
        "", None, ("names of the classes: csv gloss_id,label,cat_id,category, or json {name: id}")
    )
    encoding: str = fields.value("", None, "code page of tables that are no UTF-8, such as cp1250")
    missing: str = fields.value(
        "error", fields.among("error", "skip"), "what a row of the labels without its file is"
    )
    max_clips: int = fields.value(
        0, fields.NOT_NEGATIVE, "of every split take so many, drawn with seed 42; 0 = all"
    )
    folds: Folds = fields.section(Folds, fields.When("task.name", "classify"))
    sampler: str = fields.value(
        "",
        fields.among("", "balanced"),
        (
            "balanced: an epoch has as many training clips of each class of the first head, some "
            "several times; empty = each clip once"
        ),
        fields.When("task.name", "classify"),
    )
    source_fps: float = fields.value(
        0.0,
        _RATE,
        "frames a second of all clips, whatever their files say; 0 = as they say",
    )
    synthetic: Synthetic = fields.section(Synthetic, fields.When("data.source", "synthetic"))
    synthetic_scenes: SyntheticScenes = fields.section(
        SyntheticScenes, fields.When("data.source", "synthetic_scenes")
    )
    synthetic_actions: SyntheticActions = fields.section(
        SyntheticActions, fields.When("data.source", "synthetic_actions")
    )
    action_genome: ActionGenome = fields.section(ActionGenome, _ACTION_GENOME)
    fraction: int = fields.value(
        1,
        fields.COUNT,
        "of the videos of every split take one in so many, drawn with seed 42; 1 = all",
        _ACTION_GENOME,
    )
    val_share: float = fields.value(
        0.05,
        fields.RATE,
        "share of the training videos that is held back to validate, drawn with seed 42; of one's "
        "own scenes where neither data.val.path nor the videos tell which",
        fields.When("data.source", "action_genome", "scenes"),
    )
    kind: str = fields.value(
        "Mediapipe",
        None,
        "SignON's --data_kind: Mediapipe, Mediapipe_Raw, Mediapipe_Cleaned, OpenPose_Raw, "
        "OpenPose_Cleaned, MMPose_Raw, MMPose_Cleaned, RGB_Full",
        _SIGNON,
    )
    dims: int = fields.value(
        2, _DIMS, "coordinates of its points that a net of generation A takes", _SIGNON
    )
    parts: tuple[str, ...] = fields.value(
        (), None, "folders, one a language, in place of data.train.path", _SIGNON
    )
    aspect: tuple[float, ...] = fields.value(
        (), None, "height / width of each folder's films; () = 1, the unit of x", _SIGNON
    )
    portrait: bool = fields.value(False, None, "films may be higher than wide", _SIGNON)
    offset_labels: bool = fields.value(
        False, None, "labels of each folder begin at 0: add those of the folders before", _SIGNON
    )
    samples_file: str = fields.value(
        "samples.csv", None, "the table of samples in each folder", _SIGNON
    )
    retrain_on_all: bool = fields.value(False, None, "train on the rows of val too", _SIGNON)
    learning_curve: float = fields.value(
        1.0,
        fields.SHARE,
        "train on this share of the clips (of each folder's), the first of every sign",
        fields.When("task.name", "classify"),
    )
