"""A detector over frames: maps of them once; then boxes, their features, what lies around pairs."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.input.scenes import detections, pairs, pictures
from jaxsign.nets import detector_backbone, faster_rcnn, fingerprint
from jaxsign.nets.layers import anchors, roi_align
from jaxsign.tasks import answering

Array = np.ndarray
_MULTIPLE = 32  # pixels of which the sides of images are, so that there are few shapes of them
_FEWEST = 8  # boxes of a frame that are looked at together; more are the next power of 2


@dataclasses.dataclass(frozen=True)
class Likely:
    """Which boxes count.

    Attributes:
      least: a score that is not enough.
      overlap: of two boxes of a class in the detector, above which the worse one goes.
      extra: pixels that sides have more than the distance of their corners.
      doubtful: overlap of two boxes of a class that relations are told of, likewise.
    """

    least: float = 0.1
    overlap: float = 0.4
    extra: float = 1.0
    doubtful: float = 0.6


RECIPES = {"paper": Likely(), "m3sgg": Likely(0.01, 0.3, 0.0, 0.3)}


@dataclasses.dataclass(frozen=True)
class SeenFrames:
    """Frames that were seen; their maps stay on the device, with rows for frames that are none.

    Attributes:
      count: of the frames.
      scales: float32 [F], how much larger the detector saw each.
      image_sizes: int [C, 2], heights and widths as it saw them.
      maps: float [C, H, W, K]; sizes: int [C, 2], rows and columns of them that are real.
    """

    count: int
    scales: Array
    image_sizes: jax.Array
    maps: jax.Array
    sizes: jax.Array


@dataclasses.dataclass(frozen=True)
class SeenBoxes:
    """Boxes of several frames, flat: by frame, class and score.

    Attributes:
      frames: int [N], not decreasing.
      boxes: float32 [N, 4], x1, y1, x2, y2 in pixels of the frames as they came.
      labels: int [N], from 1; scores: float32 [N].
      distribution: float32 [N, C - 1], probabilities of the classes from 1 on.
      features: float32 [N, D].
    """

    frames: Array
    boxes: Array
    labels: Array
    scores: Array
    distribution: Array
    features: Array


_Given = ParamSpec("_Given")
_Told = TypeVar("_Told")
_Two = tuple[jax.Array, jax.Array]
# Of weights, images [C, H, W, 3] and their sizes: maps and their sizes.
_See = Callable[[Mapping[str, Any], Array, jax.Array], _Two]
# Of weights, maps, their sizes and the images': what the net's `look` tells of its own boxes.
_Find = Callable[[Mapping[str, Any], jax.Array, jax.Array, jax.Array], dict[str, jax.Array]]
# Of weights, maps, boxes [C, N, 4], the images' sizes and the maps': features and logits.
_Look = Callable[
    [Mapping[str, Any], jax.Array, jax.Array, jax.Array, jax.Array],
    _Two,
]


class FrameDetector:
    """A detector with its weights, compiled for each shape of images when it is first met.

    Args:
      net, variables: the detector.
      objects: names of its classes, the background first.
      chunk: frames that are looked at together; a frame's answer does not depend on it. A net whose
        answers do, as only the first of its own chunks is clipped (`net.clip`), has these.
      likely: which boxes count.

    Attributes:
      net, objects, likely: as given; chunk: frames that are looked at together.
      shapes: of images (height, width) that it was compiled for.
    """

    def __init__(
        self,
        net: faster_rcnn.FasterRCNN,
        variables: nets.Variables,
        objects: Sequence[str],
        *,
        chunk: int = 4,
        likely: Likely = RECIPES["paper"],
    ):
        self.net, self.objects, self.likely = net, tuple(objects), likely
        self.chunk = net.chunk if net.clip == faster_rcnn.FIRST_OF_CHUNK else chunk
        self.shapes: set[tuple[int, int]] = set()
        self._variables = jax.device_put(variables)

    @functools.cached_property
    def digest(self) -> str:
        """16 letters that are others where another detector gives other features."""
        told = json.dumps(self.net.features_from, sort_keys=True)
        whole = told + fingerprint.fingerprint(self._variables)
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    @property
    def feature_dim(self) -> int:
        """Numbers of a box's features."""
        return int(self._variables["params"]["class_scores"]["kernel"].shape[0])

    @property
    def union_dim(self) -> int:
        """Channels of the maps, and of the features around pairs."""
        return int(self._variables["params"]["rpn"]["conv"]["kernel"].shape[2])

    def see(self, frames: Sequence[Array]) -> SeenFrames:
        """Makes maps of at most `chunk` frames uint8 [H, W, 3], RGB, of any sizes."""
        return self.see_scaled([pictures.scaled(one, self.net.short_side) for one in frames])

    def see_scaled(self, frames: Sequence[tuple[Array, float]]) -> SeenFrames:
        """As `see`, of frames as `pictures.scaled` makes them of the net's `short_side`."""
        made = pictures.stacked(frames, _MULTIPLE)
        more = self.chunk - len(frames)
        given = np.concatenate([made.images, np.zeros((more, *made.images.shape[1:]), np.float32)])
        sizes = np.concatenate([made.sizes, np.tile(made.images.shape[1:3], (more, 1))])
        self.shapes.add(made.images.shape[1:3])
        image_sizes = jnp.asarray(sizes)
        maps, map_sizes = self._see(self._variables, given, image_sizes)
        scales = np.array([scale for _, scale in frames], np.float32)
        return SeenFrames(len(frames), scales, image_sizes, maps, map_sizes)

    def find(self, seen: SeenFrames) -> SeenBoxes:
        """The boxes that the detector finds."""
        found = self._find(self._variables, seen.maps, seen.sizes, seen.image_sizes)
        told = {name: np.asarray(value)[: seen.count] for name, value in found.items()}
        chosen = detections.found(
            told["class_boxes"],
            told["scores"],
            told["valid_boxes"],
            seen.scales,
            least=self.likely.least,
            overlap=self.likely.overlap,
            extra=self.likely.extra,
        )
        at = chosen.frames, chosen.source
        distribution = _distribution(told["class_logits"][at])
        return SeenBoxes(
            chosen.frames,
            chosen.boxes,
            chosen.labels,
            chosen.scores,
            distribution,
            told["features"][at],
        )

    def look(self, seen: SeenFrames, frames: Array, boxes: Array) -> tuple[Array, Array]:
        """Features float32 [N, D] and distribution float32 [N, C - 1] of boxes.

        Args:
          seen: the frames.
          frames: int [N], the frame of each box, not decreasing.
          boxes: float [N, 4], in pixels of the frames as they came.
        """
        if not len(frames):
            return (
                np.zeros((0, self.feature_dim), np.float32),
                np.zeros((0, self.net.num_classes - 1), np.float32),
            )
        padded, at = self._padded(seen, frames, boxes)
        told = self._look(self._variables, seen.maps, padded, seen.image_sizes, seen.sizes)
        made, logits = (np.asarray(part)[at] for part in told)
        return made, _distribution(logits)

    def around(self, seen: SeenFrames, frames: Array, boxes: Array) -> Array:
        """float32 [P, 7, 7, K]: the maps within boxes, such as those around pairs; as `look`."""
        if not len(frames):
            return np.zeros((0, *[detector_backbone.CELLS] * 2, self.union_dim), np.float32)
        padded, at = self._padded(seen, frames, boxes)
        return np.asarray(_around(seen.maps, padded, seen.sizes))[at].astype(np.float32)

    def _padded(
        self, seen: SeenFrames, frames: Array, boxes: Array
    ) -> tuple[jax.Array, tuple[Array, Array]]:
        """The boxes as the detector sees them, [C, N, 4], and the row and place of each."""
        place = pairs.places(frames)
        width = max(_FEWEST, 1 << int(place.max()).bit_length())
        scaled = (boxes * seen.scales[frames, None]).astype(np.float32)
        padded = pairs.padded(scaled, frames, place, (self.chunk, width), 0)
        return jnp.asarray(padded), (frames, place)

    @functools.cached_property
    def _see(self) -> _See:
        def see(variables: nets.Variables, images: Array, sizes: jax.Array) -> _Two:
            return cast(_Two, self.net.apply(variables, images, sizes, method="see"))

        return _exact(see)

    @functools.cached_property
    def _find(self) -> _Find:
        def find(
            variables: nets.Variables, maps: jax.Array, sizes: jax.Array, image_sizes: jax.Array
        ) -> dict[str, jax.Array]:
            given = maps, image_sizes, sizes
            boxes, valid = cast(_Two, self.net.apply(variables, *given, method="propose"))
            return {**self._told(variables, maps, boxes, image_sizes, sizes), "valid_boxes": valid}

        return _exact(find)

    @functools.cached_property
    def _look(self) -> _Look:
        def look(
            variables: nets.Variables,
            maps: jax.Array,
            boxes: jax.Array,
            image_sizes: jax.Array,
            sizes: jax.Array,
        ) -> _Two:
            told = self._told(variables, maps, boxes, image_sizes, sizes)
            return told["features"], told["class_logits"]

        return _exact(look)

    def _told(self, variables: nets.Variables, *given: jax.Array) -> dict[str, jax.Array]:
        """What the net tells of boxes: maps, boxes, the images' sizes and the maps'."""
        return cast(dict[str, jax.Array], self.net.apply(variables, *given, method="look"))


def of_run(
    run: answering.Trained,
    said: str,
    *,
    chunk: int = 0,
    likely: Likely = RECIPES["paper"],
) -> FrameDetector:
    """The detector of a run.

    Args:
      run: it.
      said: how it was asked for, for messages.
      chunk, likely: see `FrameDetector`; 0 = as many frames as usual on this device.

    Raises:
      UserError: a run of another kind, or with other classes than its net's.
    """
    if not isinstance(run.net, faster_rcnn.FasterRCNN):
        raise UserError(
            f"{said}: its net is {run.config.net.name}, no detector. Give a run of "
            "--config faster_rcnn, or an imported faster_rcnn_ag.pth (docs/detector.md)"
        )
    objects = tuple(run.config.task.objects)
    if len(objects) != run.net.num_classes:
        raise UserError(
            f"{said}: names {len(objects)} classes (task.objects in config.json), its net tells "
            f"{run.net.num_classes}"
        )
    chunk = chunk or usual_chunk()
    return FrameDetector(run.net, run.variables, objects, chunk=chunk, likely=likely)


def usual_chunk() -> int:
    """Frames that are looked at together on this device."""
    return 4 if jax.default_backend() == "cpu" else 16


def _exact(function: Callable[_Given, _Told]) -> Callable[_Given, _Told]:
    """Compiled; products are full float32 on every device: features are kept for years."""
    return jax.jit(jax.default_matmul_precision("highest")(function))


@_exact
def _around(maps: jax.Array, boxes: jax.Array, sizes: jax.Array) -> jax.Array:
    return roi_align.roi_align(maps, boxes, 1 / anchors.BASE, detector_backbone.CELLS, sizes)


def _distribution(logits: Array) -> Array:
    """Probabilities of the classes without the background, which is not among them."""
    return np.asarray(scipy.special.softmax(logits[:, 1:], axis=1), np.float32)
