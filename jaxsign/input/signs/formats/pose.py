"""`.pose` files of the sign-language-processing project: pixels and confidences of named points.

Read and written with the library pose-format (extra `pose`). Points are found by the names of
components and points, so that files with fewer face points, or with more components, are read too.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import skeleton
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files, _labels, _people
from jaxsign.input.signs.formats._types import Collection, Format
from jaxsign.whole import whole

Array = np.ndarray
SUFFIX = ".pose"
# Pixels a side for clips that do not know the size of their image.
UNKNOWN_SIZE = 1000
_FPS = 30.0
_BODY = (
    "NOSE LEFT_EYE_INNER LEFT_EYE LEFT_EYE_OUTER RIGHT_EYE_INNER RIGHT_EYE RIGHT_EYE_OUTER "
    "LEFT_EAR RIGHT_EAR MOUTH_LEFT MOUTH_RIGHT LEFT_SHOULDER RIGHT_SHOULDER LEFT_ELBOW RIGHT_ELBOW "
    "LEFT_WRIST RIGHT_WRIST LEFT_PINKY RIGHT_PINKY LEFT_INDEX RIGHT_INDEX LEFT_THUMB RIGHT_THUMB "
    "LEFT_HIP RIGHT_HIP LEFT_KNEE RIGHT_KNEE LEFT_ANKLE RIGHT_ANKLE LEFT_HEEL RIGHT_HEEL "
    "LEFT_FOOT_INDEX RIGHT_FOOT_INDEX"
).split()
_HAND = ["WRIST", "THUMB_CMC", "THUMB_MCP", "THUMB_IP", "THUMB_TIP"] + [
    f"{finger}_{joint}"
    for finger in ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY")
    for joint in ("MCP", "PIP", "DIP", "TIP")
]
# Component -> its rows among the 543 and its points' names, in the order of such files.
_COMPONENTS: dict[str, tuple[slice, list[str]]] = {
    "POSE_LANDMARKS": (clips.POSE, _BODY),
    "FACE_LANDMARKS": (clips.FACE, [str(i) for i in range(468)]),
    "LEFT_HAND_LANDMARKS": (clips.LEFT_HAND, _HAND),
    "RIGHT_HAND_LANDMARKS": (clips.RIGHT_HAND, _HAND),
}


def library() -> Any:
    """The module pose_format.

    Raises:
        UserError: it is not installed; says how to get it.
    """
    try:
        import pose_format
        import pose_format.pose_header
    except ImportError as error:
        raise UserError(
            f".pose files need the library pose-format, which cannot be imported ({error}). "
            "Install it, in the project's folder: pip install -c constraints.txt -e '.[pose]'"
        ) from error
    return pose_format


def recognises(path: Path) -> bool:
    """A .pose file or a folder with such files."""
    return _files.has_below(path, SUFFIX) if path.is_dir() else path.suffix.lower() == SUFFIX


def open_path(path: Path, person: int = 0) -> Collection:
    """The clips at `path`; labels from the folder's own files, if it has them.

    Args:
        path: a file or a folder.
        person: see `load`.

    Raises:
        UserError: pose-format is not installed, or an unreadable labels file.
    """
    library()
    return _labels.open_files(path, "pose", (SUFFIX,), functools.partial(load, person=person))


def load(path: Path, person: int = 0) -> Clip:
    """Reads a .pose file of MediaPipe Holistic points.

    Points of confidence 0 are NaN; the pose's confidences are its visibility. Files without depth
    have z 0.

    Args:
        path: the file.
        person: which of several people, from 1; 0 = the one who moves.

    Raises:
        UserError: unreadable, several people who move, or other components.
    """
    module = library()
    reading.check(path)
    try:
        found = module.Pose.read(path.read_bytes())
        points = np.asarray(found.body.data.data, np.float32)
        confidence = np.asarray(found.body.confidence, np.float32)
        size, fps = found.header.dimensions, float(found.body.fps)
    except Exception as error:  # the library lets many types through from damaged files
        reason = reading.told(path, "", error)
        raise UserError(f"{path}: not a readable .pose file ({reason})") from error
    if points.ndim != 4 or not all(points.shape) or points.shape[3] < 2:
        raise UserError(
            f"{path}: {list(points.shape)} frames, people, points and coordinates; expected at "
            "least one frame and one person"
        )
    rows, columns = _placed(path, found.header.components)
    points, there = _fractions(points[:, :, columns], size), confidence[:, :, columns] > 0
    chosen = _people.choose(path, points[..., :2], there, person)
    landmarks = np.full((len(points), clips.POINTS, 3), np.nan, np.float32)
    landmarks[:, rows] = np.where(there[:, chosen, :, None], points[:, chosen], np.nan)
    visibility = np.zeros((len(points), clips.POINTS), np.float32)
    visibility[:, rows] = confidence[:, chosen, columns]
    rate = fps if fps > 0 else _FPS
    try:
        return Clip(
            landmarks,
            np.arange(len(points)) / rate,
            frame_size=(size.width, size.height),
            fps=rate,
            source=str(path),
            visibility=visibility[:, clips.POSE],
        )
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _fractions(points: Array, size: Any) -> Array:
    """[..., 3] with x and y as fractions of the image; z 0 where there is none."""
    scale = np.array([max(size.width, 1), max(size.height, 1)], np.float32)
    depth = points[..., 2:3] if points.shape[-1] > 2 else np.zeros_like(points[..., :1])
    return np.concatenate([points[..., :2] / scale, depth], axis=-1)


def _placed(path: Path, components: list[Any]) -> tuple[Array, Array]:
    """Rows among the 543 and columns of the file, for the points that both have."""
    rows: list[int] = []
    columns: list[int] = []
    start = 0
    for component in components:
        part, names = _COMPONENTS.get(component.name, (slice(0), []))
        place = {name: part.start + i for i, name in enumerate(names)}
        for column, name in enumerate(component.points, start):
            if name in place:
                rows.append(place[name])
                columns.append(column)
        start += len(component.points)
    if not rows:
        found = ", ".join(component.name for component in components) or "none"
        raise UserError(
            f"{path}: has the components {found}; expected MediaPipe Holistic's "
            f"{', '.join(_COMPONENTS)}"
        )
    return np.array(rows), np.array(columns)


def write_clip(path: Path, clip: Clip) -> None:
    """Writes one .pose file, whole or not at all."""
    module = library()
    header = module.pose_header
    width, height = clip.frame_size if all(clip.frame_size) else (UNKNOWN_SIZE, UNKNOWN_SIZE)
    components = [_component(header, name) for name in _COMPONENTS]
    order = np.r_[tuple(part for part, _ in _COMPONENTS.values())]
    points = clip.landmarks[:, order] * np.array([width, height, 1], np.float32)
    # Points of sources without depth are there all the same.
    there = ~np.isnan(points[..., :2]).any(axis=-1)
    confidence = there.astype(np.float32)
    if clip.visibility is not None:
        # 0 would say that the point is absent, as would NaN.
        confidence[:, :33] *= np.fmax(clip.visibility, np.float32(1e-6))
    data = np.where(there[..., None], np.nan_to_num(points), 0)[:, None]
    body = module.numpy.NumPyPoseBody(clip.fps or _FPS, data, confidence[:, None])
    size = header.PoseHeaderDimensions(width, height, 0)
    pose = module.Pose(header.PoseHeader(header.VERSION, size, components), body)
    with whole(path) as draft, open(draft, "wb") as file:
        pose.write(file)


def _component(header: Any, name: str) -> Any:
    part, points = _COMPONENTS[name]
    shown = name.removesuffix("_LANDMARKS").replace("_", " ").lower()
    limbs = [(int(a), int(b)) for a, b in skeleton.CONNECTIONS[shown] - part.start]
    colours = [(255, 255, 255)] * len(limbs)
    return header.PoseHeaderComponent(name, points, limbs, colours, "XYZC")


class _Writer(_labels.FolderWriter):
    """Writes a folder of .pose files and its labels."""

    SUFFIX = SUFFIX
    LOSSES = frozenset({"pose keeps one rate instead of times"})

    def __init__(self, folder: Path, collection: Collection):
        library()
        super().__init__(folder, collection)

    def write(self, path: Path, clip: Clip) -> None:
        """Writes the file of one clip."""
        if not all(clip.frame_size):
            self.losses.add(
                f"clips of unknown image size are drawn on {UNKNOWN_SIZE} pixels square"
            )
        write_clip(path, clip)


FORMAT = Format(
    looks="a folder of *.pose with labels.csv, or one .pose file",
    recognises=recognises,
    open=open_path,
    writer=_Writer,
    write_clip=write_clip,
    suffix=SUFFIX,
    foldered=True,
    open_person=open_path,
)
