"""What tasks on clips of signs share: opening, what a recipe takes from them, what must fit."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets, run_files, tasks
from jaxsign.errors import UserError, listing
from jaxsign.input import traits
from jaxsign.input.examples import Facts
from jaxsign.input.folders import progress
from jaxsign.input.signs import clip_source, numbering, seen, sources, views
from jaxsign.input.signs.clip_examples import ClipExamples
from jaxsign.tasks import answering, naming

_CLASSES, _WIDTH = 10, 156  # of a smoke test, where the recipe takes the data's
_MANY = 1000  # clips that are measured with a bar


def open_source(config: ConfigDict, split: str, *, labelled: bool = True) -> clip_source.Source:
    """The clips of a split, all checked; `labelled` ones must have a gloss.

    Raises:
      UserError: what is wrong with its files, or arrays of another rate than the view's.
    """
    # A head with `num_HEAD` 0 takes its classes from the labels.
    counts = {head: config.net.get(f"num_{head}", 0) for head in config.task.heads}
    limits = {head: count for head, count in counts.items() if count}
    source = sources.open_source(config.data, split, limits, labelled=labelled)
    _check_rate(config, source)
    return source


def _check_rate(config: ConfigDict, source: clip_source.Source) -> None:
    """Refuses arrays that the recipe's view would take for those of another rate."""
    wanted = float(config.view.get("rate") or 0.0)
    if wanted and source.rate and wanted != source.rate:
        raise UserError(
            f"{source.name}: its arrays have {source.rate:g} frames a second, but view.rate="
            f"{wanted:g}. Arrays are taken as they are: set view.rate to that, or read them as "
            "clips, of which the view makes new frames: --config.data.source=collection"
        )


def measured(config: ConfigDict, source: clip_source.Source) -> clip_source.Source:
    """The same source with the lengths that its clips have behind the view.

    Every clip is read once for it where the view changes the number of frames.
    """
    view = views.of_recipe(config)
    if view is None or view.frames(source.read(0)) is None:
        return source
    count = len(source)
    if view.length:
        return dataclasses.replace(source, lengths=np.full(count, view.length, np.int32))
    measuring = progress.over("measuring clips", range(count), count, hidden=count < _MANY)
    lengths = np.array([view.frames(source.read(i)) for i in measuring], np.int32)
    return dataclasses.replace(source, lengths=lengths)


class ClipTask(tasks.Task):
    """What is learned of clips of signs, and asked of them."""

    @classmethod
    def assumed(cls, config: ConfigDict) -> Facts:
        """Numbers of classes, and the width of features."""
        net = {key: _CLASSES for key, n in config.net.items() if key.startswith("num_") and n == 0}
        return {"net": {**net, "input_dim": _WIDTH} if config.net.get("input_dim") == 0 else net}

    def imagined(self, config: ConfigDict, rng: jax.Array) -> dict[str, jax.Array]:
        """Clips of N(0, 1), and of a sequence's tokens the start alone."""
        count, frames = config.smoke.batch_size, config.smoke.frames
        frames = min(frames, self.net.max_frames or frames)
        return {
            "x": jax.random.normal(rng, (count, frames, *self.net.frame_shape)),
            "valid": jnp.ones((count, frames), bool),
            "tokens": jnp.zeros((count, 1), jnp.int32),
        }

    def imagined_for(
        self, part: nets.Part, config: ConfigDict, rng: jax.Array
    ) -> dict[str, jax.Array]:
        """One clip of two frames of random pixels, as small as the part takes."""
        pixels = jax.random.bits(rng, (1, 2, *part.frame_shape), jnp.uint8)
        return {"x": pixels, "valid": jnp.ones((1, 2), bool)}

    def blank(self, run: answering.Trained, frames: int) -> dict[str, np.ndarray]:
        """What the net takes of one clip of so many frames, [1, ...], of zeros."""
        found = {
            "x": np.zeros((1, frames, *self.net.frame_shape), np.float32),
            "valid": np.ones((1, frames), bool),
        }
        if int(run.config.net.get("languages", 0)):
            found["language"] = np.zeros(1, np.int32)
        return found

    def pointed(
        self, run: answering.Trained, split: str, path: Path | None, labels: Path | None
    ) -> ConfigDict:
        data = ConfigDict(run.config.data.to_dict())
        if path is not None:
            _point(data, run, split, path, labels)
        elif labels is not None:
            data[split].labels = str(labels)
        kind = sources.kind_of(data)
        if not kind.made:
            # Other clips may have other signs: the run's classes keep their numbers.
            data.class_names = {head: known for head, known in run.labels.items() if known}
        # Where no table is of one split, the training path may hold all of them.
        elsewhere = data.parts or (data.train.path and (data.folds.count or not kind.table))
        if not kind.made and not (data[split].path or elsewhere):
            raise UserError(
                f"{run.workdir} knows no {split} data (data.{split}.path in its config.json is "
                "empty). Give a folder of clips with --data DIR, and --labels CSV if it is not "
                "DIR/labels.csv."
            )
        return data


def _point(
    data: ConfigDict, run: answering.Trained, split: str, path: Path, labels: Path | None
) -> None:
    if len(data.parts) > 1:
        raise UserError(
            f"--data {path}: {run.workdir} learnt {len(data.parts)} languages, each of a "
            "folder of its own. To look for them elsewhere, change data.parts in its "
            f"{run_files.CONFIG}"
        )
    data.parts, data.folds.count = (), 0
    if sources.kind_of(data).numbered:
        data.source = sources.guessed(path)
    data[split].path, data.encoding = str(path), ""
    data[split].labels = str(labels if labels is not None else path / "labels.csv")


class SignExamples(ClipExamples):
    """Clips of signs as a task's examples; labels of `heads` are class numbers."""

    def facts(self, config: ConfigDict) -> dict[str, Mapping[str, object]]:
        """The view's fit, numbers of classes, input width, most frames."""
        net = {**_classes(config, self.source), **_width(config, self)}
        limit = nets.build(**{**config.net.to_dict(), **net}).max_frames
        longest = int(config.input.max_length or limit or max(self.source.lengths))
        return {
            "view": _fit(config, self.source),
            "net": net,
            "input": {"max_length": min(longest, limit) if limit else longest},
        }

    def traits(self, config: ConfigDict, most: int) -> list[tuple[str, traits.Traits]]:
        """Of clips spread over the source; one that cannot be read is told where it is learnt."""
        found: list[tuple[str, traits.Traits]] = []
        sample = self.source.sample(most)
        for i, name in enumerate(sample.ids):
            with contextlib.suppress(UserError):
                found.append((name, seen.of_value(sample.read(i), config, sample.rate)))
        return found

    def class_names(self, config: ConfigDict) -> dict[str, list[str]]:
        """The source's names, and numbers for classes of a head beyond them."""
        found = {}
        for head in config.task.heads:
            names, count = list(self.source.class_names.get(head, ())), config.net[f"num_{head}"]
            found[head] = names + [str(i) for i in range(len(names), count)]
            if len(set(found[head])) != count:  # a name that is another class's number
                found[head] = [str(i) for i in range(count)]
        return found

    def remarks(self, config: ConfigDict) -> list[str]:
        return naming.look_alike(self.class_names(config))

    def check(self, config: ConfigDict, labels: Mapping[str, Sequence[Sequence[int]]]) -> None:
        """Refuses clips that do not fit a run's numbers, which are those of its training data.

        Args:
          config: of the run.
          labels: class numbers of every clip, by head.

        Raises:
          UserError: classes that training does not have, or another input width.
        """
        counts = {head: int(config.net[f"num_{head}"]) for head in labels}
        problems = [
            f"{name}: {head}={max(row)}, but training has classes 0 to {counts[head] - 1}"
            for head, rows in labels.items()
            for name, row in zip(self.ids, rows, strict=True)
            if max(row, default=-1) >= counts[head]
        ]
        if problems:
            raise UserError(f"{self.name}:\n{listing(problems)}")
        width, wanted = self.width, nets.build(**config.net.to_dict()).frame_shape
        if len(wanted) > 1:
            return _check_frame(self, wanted, config.net.name)
        expected = config.net.get("input_dim", 0)
        if expected and width != expected:
            raise UserError(
                f"{self.name} holds {width} numbers a frame, the training data {expected}: give "
                "both the same kind of data"
            )


def _fit(config: ConfigDict, source: clip_source.Source) -> Mapping[str, object]:
    """The options of the recipe's view that only its training data can tell."""
    view = views.of_recipe(config)
    return view.fit(source.read(i) for i in range(len(source))) if view is not None else {}


def _classes(config: ConfigDict, source: clip_source.Source) -> dict[str, int]:
    counts = {}
    for head in config.task.heads:
        if not config.net.get(f"num_{head}", 0):
            named = len(source.class_names.get(head, ()))
            counts[f"num_{head}"] = named or int(source.labels[head].max()) + 1
    # A head that is not learnt is not made.
    unlearnt = {f"num_{head}" for head in numbering.HEADS if head not in config.task.heads}
    return counts | dict.fromkeys(unlearnt & set(config.net), 0)


def _check_frame(clips: ClipExamples, wanted: tuple[int, ...], net: str) -> None:
    """Refuses clips whose frames are not those of a net that takes points or pictures."""
    if clips.frame_shape != wanted:
        found, asked = (" x ".join(map(str, shape)) for shape in (clips.frame_shape, wanted))
        raise UserError(
            f"{clips.name}: a frame is {found} numbers, but net {net} takes {asked}. Choose "
            "another view, or options of it such as view.output=points"
        )


def _width(config: ConfigDict, clips: ClipExamples) -> dict[str, int]:
    width, wanted = clips.width, nets.build(**config.net.to_dict()).frame_shape
    if len(wanted) > 1:
        _check_frame(clips, wanted, config.net.name)
    if len(wanted) > 1 or "input_dim" not in config.net:
        return {}
    if config.net.input_dim not in (0, width):
        raise UserError(
            f"net.input_dim={config.net.input_dim}, but {clips.name} holds {width} numbers a "
            "frame. Set it to 0 to take the data's width, or choose another data.key (data.dims)."
        )
    return {"input_dim": width}
