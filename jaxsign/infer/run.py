"""A trained run, ready to answer: everything comes from its run folder."""

import bisect
import dataclasses
import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError, did_you_mean, listing

Array = np.ndarray
Names = dict[str, tuple[str, ...] | None]

# Sections whose keys belong to a system, not to every run.
_FREE_SECTIONS = ("net.", "stage", "view.")


@dataclasses.dataclass(frozen=True)
class Clip:
    """One input of the net, in its view's layout.

    Attributes:
      x: float32 [T, D] features, or uint8 [T, H, W, 3] frames.
      valid: bool [T], True = frame that counts.
    """

    x: Array
    valid: Array


@dataclasses.dataclass(frozen=True)
class Run:
    """A loaded run.

    Attributes:
      workdir: the run folder.
      which: 'best' or 'last', the checkpoint that was loaded.
      config: its recipe.
      labels: head -> label names by id, or None where there are none.
      net: the module.
      variables: its variables, on the default device.
      max_length: most frames of a clip that are used; None = no limit.
      info: what the checkpoint says about itself (epoch, metric).
    """

    workdir: Path
    which: str
    config: ConfigDict
    labels: Names
    net: nets.Net
    variables: dict[str, Any]
    max_length: int | None
    info: dict[str, Any]

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads in the recipe's order."""
        return tuple(self.config.task.heads)

    @property
    def input_dim(self) -> int:
        """Numbers a frame that the net takes."""
        return math.prod(self.net.frame_shape)

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of a frame of features as the net takes it."""
        return self.net.frame_shape

    @property
    def takes_nan(self) -> bool:
        """True if NaN means an absent point to the net."""
        return self.net.takes_nan

    @property
    def gives_sequences(self) -> bool:
        """True if it answers with label sequences, not with one label a clip."""
        from jaxsign import tasks

        return tasks.learns_sequences(self.config)

    @property
    def takes_frames(self) -> bool:
        """True if the net can start from images uint8 [T, H, W, 3]."""
        return any(part.inside(self.variables) for part in self.net.optional_parts)

    @functools.cached_property
    def manifest(self) -> dict[str, Any]:
        """What the run's manifest.json says of where it comes from; {} without one."""
        path = self.workdir / "manifest.json"
        if not path.is_file():
            return {}
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: not readable ({error}). Expected a JSON object.") from error

    @functools.cached_property
    def view(self) -> Callable[[Any], Array] | None:
        """Recorded clip -> float32 [T, D]; None where the net takes stored features as they are."""
        from jaxsign.input.signs import views

        return views.of_recipe(self.config)

    def features(self, value: Any) -> Array:
        """What a source holds -> what the net takes, as in training.

        Args:
          value: a recorded clip; or stored keypoints or features float [T, D], or images
            uint8 [T, H, W, 3].
        """
        if self.view is None or np.ndim(value) == 4:
            return value
        return np.asarray(self.view(value), np.float32)

    @functools.cached_property
    def _apply(self) -> Callable:
        def logits(variables, x, valid):
            return nets.call(self.net, variables, {"x": x, "valid": valid})["logits"]

        return jax.jit(logits)

    def logits(self, batch: dict[str, Array]) -> dict[str, Array]:
        """head -> float32 [B, K] of a batch; compiled once a bucket (and batch size).

        Args:
          batch: `x` [B, T, ...] and optionally `valid` bool [B, T], T at most `max_length`.
        """
        x = np.asarray(batch["x"])
        valid = batch.get("valid")
        valid = np.ones(x.shape[:2], bool) if valid is None else np.asarray(valid, bool)
        extra = self.bucket(x.shape[1]) - x.shape[1]
        if extra:
            x = np.pad(x, [(0, 0), (0, extra)] + [(0, 0)] * (x.ndim - 2))
            valid = np.pad(valid, [(0, 0), (0, extra)])
        # Full float32 products, so that an answer does not depend on the device.
        with jax.default_matmul_precision("highest"):
            result = self._apply(self.variables, x, valid)
        return {head: np.asarray(result[head], np.float32) for head in self.heads}

    def bucket(self, frames: int) -> int:
        """The length that a clip of `frames` frames is padded to.

        Its own where padding would change the answer (`padding_counts` of the net).
        """
        limit = self.max_length
        if limit is not None and frames > limit:
            raise ValueError(
                f"{frames} frames are more than max_length={limit}; cut the clip first"
            )
        if self.net.padding_counts:
            return frames
        sizes = sorted({int(b) for b in self.config.input.buckets if limit is None or b < limit})
        sizes += [limit] if limit is not None else []
        place = bisect.bisect_left(sizes, frames)
        if place < len(sizes):
            return sizes[place]
        step = sizes[-1] if sizes else 64
        return -(-frames // step) * step

    def cut(self, x: Array) -> Array:
        """The first `max_length` frames of x [T, ...]."""
        return x[: self.max_length]

    def classify(self, clips: Sequence[Clip], batch_size: int = 32) -> dict[str, Array]:
        """head -> float32 [N, K] for clips of any lengths, in their order.

        Clips of one bucket share batches of `batch_size`; a short batch is filled up, so that the
        number of compiled programs is that of the buckets.
        """
        found: dict[int, dict[str, Array]] = {}
        for members, batch in self.batches(clips, batch_size):
            rows = self.logits(batch)
            for row, i in enumerate(members):
                found[i] = {head: rows[head][row] for head in rows}
        return {head: np.stack([found[i][head] for i in range(len(clips))]) for head in self.heads}

    def batches(
        self, clips: Sequence[Clip], batch_size: int
    ) -> Iterator[tuple[list[int], dict[str, Array]]]:
        """Clips by their bucket: which ones, and `x` [B, T, ...] and `valid` [B, T] of them.

        The first rows of a batch are the clips; the others fill it up to `batch_size`.
        """
        groups: dict[tuple, list[int]] = {}
        for i, clip in enumerate(clips):
            groups.setdefault((self.bucket(len(clip.x)), clip.x.shape[1:]), []).append(i)
        for (length, _), members in groups.items():
            for start in range(0, len(members), batch_size):
                part = members[start : start + batch_size]
                yield part, _stack([clips[i] for i in part], length, batch_size)


def _stack(clips: Sequence[Clip], length: int, size: int) -> dict[str, Array]:
    x = np.zeros((size, length, *clips[0].x.shape[1:]), clips[0].x.dtype)
    valid = np.zeros((size, length), bool)
    # Filler rows have one valid frame: a clip without any is not a defined input.
    valid[len(clips) :, 0] = True
    for row, clip in enumerate(clips):
        x[row, : len(clip.x)] = clip.x
        valid[row, : len(clip.x)] = clip.valid
    return {"x": x, "valid": valid}


def load_run(workdir: str | Path, which: str = "best") -> Run:
    """Loads a run folder.

    Args:
      workdir: what `jaxsign train` or `jaxsign import` made.
      which: 'best' or 'last'.

    Raises:
      UserError: not a run folder, no checkpoint yet, or a recipe of another version.
    """
    workdir = Path(workdir)
    _check_folder(workdir)
    config = configs.load_run_config(workdir)
    _check_recipe(config, workdir / "config.json")
    net = nets.build(**config.net.to_dict())
    variables, info = _load_variables(workdir, which)
    return Run(
        workdir=workdir,
        which=which,
        config=config,
        labels=load_labels(workdir, config.task.heads),
        net=net,
        variables=jax.device_put(variables),
        max_length=max_length(config, net),
        info=info,
    )


def check_decoding(run: Run, asked: Mapping[str, Any]) -> None:
    """Refuses settings of decoding for a run that answers with one label a clip.

    Args:
      run: any.
      asked: settings by name; None and False = not asked for.

    Raises:
      UserError: the run's net gives no label sequences.
    """
    given = [name for name, value in asked.items() if value not in (None, False)]
    if given and not run.gives_sequences:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UserError(
            f"{words}: for runs that recognise sequences of glosses, but {run.workdir} answers "
            "with one label a clip. Leave that out."
        )


def max_length(config: ConfigDict, net: nets.Net) -> int | None:
    """Most frames of a clip: the recipe's number, but never more than the net takes."""
    limits = [int(config.input.max_length), net.max_frames]
    return min((limit for limit in limits if limit > 0), default=None)


def load_labels(workdir: str | Path, heads: Iterable[str]) -> Names:
    """head -> label names by id from `labels.json`; None for a head without names.

    Raises:
      UserError: an unreadable file.
    """
    path = Path(workdir) / "labels.json"
    if not path.is_file():
        return {head: None for head in heads}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["heads"]
        return {head: tuple(map(str, stored[head])) if stored.get(head) else None for head in heads}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: not readable ({error!r}). Expected "
            '{"heads": {"HEAD": ["NAME OF 0", "NAME OF 1", ...]}}.'
        ) from error


def _check_folder(workdir: Path) -> None:
    if workdir.is_dir() and (workdir / "config.json").is_file():
        return
    found = "no such folder"
    if workdir.is_file():
        found = "a file"
    elif workdir.is_dir():
        names = sorted(p.name for p in workdir.iterdir())
        found = f"a folder with {', '.join(names[:6]) or 'nothing in it'}"
    torch = " Bring a .pt file in with: jaxsign import FILE --workdir RUN"
    raise UserError(
        f"{workdir} is not a run folder: {found}. Expected a folder that `jaxsign train` or "
        "`jaxsign import` made: config.json, labels.json, checkpoints/ and manifest.json."
        f"{torch if workdir.suffix in ('.pt', '.pth') else ''}"
    )


def _check_recipe(config: ConfigDict, path: Path) -> None:
    """Refuses a stored recipe that this version cannot read."""
    known = configs.flatten(configs.base())
    unknown = [
        f"{key}.{did_you_mean(key, known)}"
        for key in configs.flatten(config)
        if key not in known and not key.startswith(_FREE_SECTIONS)
    ]
    if unknown:
        raise UserError(
            f"{path} has keys that this version of jaxsign does not know:\n{listing(unknown)}\n"
            "The run was made by another version (see its manifest.json), or the file was edited."
        )
    if not config.get("net", {}).get("name"):
        raise UserError(f"{path} names no net (net.name). Expected the recipe of a trained run.")


def _load_variables(workdir: Path, which: str) -> tuple[dict[str, Any], dict[str, Any]]:
    from jaxsign.train import checkpoint

    return checkpoint.load_variables(workdir, which)
