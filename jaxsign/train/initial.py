"""The variables that a run starts from."""

import re
from collections.abc import Iterable, Mapping, Sequence

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import nets, shipped, tasks
from jaxsign.errors import UserError, listing
from jaxsign.input import batching, words
from jaxsign.input.examples import Batch
from jaxsign.train import by_path, weights

RANDOM = "random"  # train.backbone_weights and train.pretrained: none on purpose


def shapes_of(task: tasks.Task, batches: batching.TrainBatches) -> nets.Variables:
    """Shapes of the task's variables, without computing them.

    Raises:
      UserError: the net does not fit the data.
    """
    batch = example(batches)
    try:
        return jax.eval_shape(lambda: task.init(jax.random.key(0), batch))
    except (ValueError, TypeError) as error:
        found = ", ".join(f"{name} {list(a.shape[1:])}" for name, a in batch.items() if a.ndim > 1)
        raise UserError(f"config.net does not fit the data ({found}): {error}") from error


def zeros(shapes: nets.Variables) -> nets.Variables:
    """Arrays of zeros in the shapes that `shapes_of` gave: stand-ins until a checkpoint is read."""
    return jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), shapes)


def example(batches: batching.TrainBatches) -> Batch:
    """Zeros in the shape of one row of a training batch, [1, ...]."""
    return batches.blank(batches.sizes[0], (1,))


def variables(
    config: ConfigDict, task: tasks.Task, batches: batching.TrainBatches
) -> tuple[nets.Variables, list[str]]:
    """The variables a run starts from, and what there is to say about them.

    Random ones (but for `bias_init`, vectors of the classes' names and what the task takes from the
    examples), then those of another model
    (`pretrained`), then a run's (`init_from`), then the backbone's.

    Raises:
      UserError: weights that do not fit.
    """
    settings, notes = config.train, list[str]()
    _check_start(settings, task.net)
    source = shipped.resolved(settings.init_from)
    key = jax.random.fold_in(jax.random.key(config.seed), 0x1A17)
    made = task.init(key, example(batches))
    if settings.bias_init:
        counts = batches.examples.class_counts(config)
        made = {**made, "params": with_biases(made["params"], task.net, counts)}
    if task.net.named_classes is not None:
        made, notes = with_words(
            made, task.net, settings.words, batches.examples.class_names(config)
        )
    made, told = task.informed(made, config, batches.examples)
    notes = [*notes, *told]
    if settings.pretrained not in ("", RANDOM):
        made, loaded = _pretrained(config, task, made)
        notes = [*notes, *loaded]
    if settings.init_from:
        found, _ = weights.load_variables(source)
        theirs = configs.load_run_config(source)
        others, told = of_other_classes(config.task, theirs.task, settings.init_from, task.net)
        tasks_own = (*task.own_params, *tasks.kind(theirs).own_params)
        made, left_out = fitting(made, found, settings, task.net, others, tasks_own)
        notes = [*notes, *told, *left_out]
    return _with_part(settings, task.net, made), notes


def doubt(settings: ConfigDict) -> str:
    """What a person should hear of parts that stand still where they start; "" = nothing."""
    given = settings.init_from or settings.pretrained or settings.backbone_weights
    if not settings.freeze_parts or given not in ("", RANDOM):
        return ""
    return (
        f"train.freeze_parts={settings.freeze_parts!r} stand still at random numbers: nothing is "
        "given to start from. Give a run: --config.train.init_from=RUN"
    )


def with_biases(params: nets.Tree, net: nets.Net, counts: Mapping[str, np.ndarray]) -> nets.Tree:
    """Parameters whose classifiers' biases are the logarithms of the classes' shares.

    Args:
      params: of the net.
      net: names the biases.
      counts: head -> int [K], examples of its classes; a class without any counts as one.

    Raises:
      UserError: the net names no head's bias.
    """
    flat = by_path.flat(params)
    biases = net.class_biases
    places = {head: biases[head] for head in counts if biases.get(head) in flat}
    if not places:
        raise UserError(
            f"train.bias_init: the net {nets.name_of(type(net))} names no classifier's "
            "bias for what is learnt here. Leave it out."
        )
    for head, path in places.items():
        found = counts[head]
        flat[path] = np.log(np.maximum(found, 1) / found.sum()).astype(np.float32)
    return by_path.nested(flat)


def with_words(
    made: nets.Variables, net: nets.Net, path: str, class_names: Mapping[str, Sequence[str]]
) -> tuple[nets.Variables, list[str]]:
    """Variables whose classes start from vectors of their names, and what there is to say of it.

    Args:
      made: of the net.
      net: that has named classes.
      path: of a file of words, or ''.
      class_names: as examples have them.

    Raises:
      UserError: see `words.of_names`.
    """
    assert net.named_classes is not None
    whose, width = net.named_classes
    names = class_names[whose]
    found = words.of_names(path, names, width)
    notes = []
    if path:
        told = len(names) - len(found.absent)
        without = f"; made of their letters: {_short([*found.absent])}" if found.absent else ""
        notes = [f"words    {told} of {len(names)} classes start from {path}{without}"]
    return net.with_words(made, found.table), notes


def _check_start(settings: ConfigDict, net: nets.Net) -> None:
    """Raises UserError: a net that cannot do without weights of another model has none."""
    if net.starts_from and not (settings.pretrained or settings.init_from):
        raise UserError(
            f"train.pretrained is not set: this net needs weights. Give {net.starts_from}, or "
            f"{RANDOM!r} to start from random ones. Nothing is downloaded."
        )


def _pretrained(
    config: ConfigDict, task: tasks.Task, made: nets.Variables
) -> tuple[nets.Variables, list[str]]:
    settings, net = config.train, task.net
    zero = settings.pretrained_zero_branches
    return net.load_pretrained(settings.pretrained, made, zero_branches=zero)


def _with_part(settings: ConfigDict, net: nets.Net, made: nets.Variables) -> nets.Variables:
    """Weights for the net's part, where this input needs it; random ones only if asked for."""
    given = settings.backbone_weights
    needed = [part for part in net.optional_parts if part.inside(made)]
    for part in needed:
        if not (given or settings.init_from):
            raise UserError(
                f"train.backbone_weights is not set: this run starts from {part.takes}, and its "
                f"{part.name} needs weights. Give {part.source}, or {RANDOM!r} to start from "
                "random ones."
            )
    if given in ("", RANDOM):
        return made
    if not needed:
        raise UserError(
            "train.backbone_weights is given, but this run has no backbone: its data are "
            "features, not frames. Leave it out, or set data.key to the frames' array."
        )
    return needed[0].joined(made, given)


def of_other_classes(
    ours: ConfigDict, theirs: ConfigDict, source: str, net: nets.Net
) -> tuple[tuple[str, ...], list[str]]:
    """Patterns of parameters that belong to other classes in a run to start from, and notes.

    As many classes have the same shapes, whatever they are called.

    Args:
      ours, theirs: the section `task` of both recipes.
      source: the other run.
      net: of ours.
    """
    patterns: set[str] = set()
    notes = []
    lists = {
        "objects": ([*ours.objects], [*theirs.objects], net.object_params),
        "predicates": (_predicates(ours), _predicates(theirs), net.head_params),
    }
    for what, (mine, other, belonging) in lists.items():
        differ = [(a, b) for a, b in zip(mine, other, strict=False) if a != b]
        # An imported net may have classes without names.
        if differ and not all(re.search(r" \d+$", name) for _, name in differ):
            patterns |= {*belonging}
            here, there = differ[0]
            notes.append(
                f"init     {what} of {source} are others, such as {there!r} for {here!r}: what "
                "belongs to them starts anew"
            )
    return tuple(patterns), notes


def _predicates(task: ConfigDict) -> list[str]:
    return [name for *_, names in task.groups for name in names]


def fitting(
    ours: nets.Variables,
    found: nets.Variables,
    settings: ConfigDict,
    net: nets.Net,
    others: Sequence[str] = (),
    tasks_own: Sequence[str] = (),
) -> tuple[nets.Variables, list[str]]:
    """The variables `found` in another run's place, but for those that `init_skip` leaves out.

    Heads, what there is of each language and what tasks train beside their nets (patterns
    `tasks_own`) are left out where they are of another shape or absent on one side; with
    `init_match` 'matching' so is everything. `others` are patterns of parameters that are of other
    classes there, and left out too.

    Returns:
      The variables, and what there is to say of those that were left out.

    Raises:
      UserError: lists what is missing there, unexpected, or of another shape; nothing is left.
    """
    mine, theirs = by_path.flat(ours), by_path.flat(found)
    names = {path: path.partition("/")[2] for path in (*mine, *theirs)}  # without the collection
    matched = set[str]()
    for pattern in settings.init_skip:
        matched |= by_path.matching(names.values(), pattern, "train.init_skip")
    skipped = {path for path, name in names.items() if name in matched}
    here, there = ({k: list(np.shape(v)) for k, v in one.items()} for one in (mine, theirs))
    absent = _heads_absent(net, *({names[path] for path in one} for one in (mine, theirs)))
    for pattern in (*net.head_params, *net.language_params, *tasks_own, *absent):
        group = {path for path, name in names.items() if re.search(pattern, name)}
        unwanted = pattern in others or (pattern in net.head_params and not settings.keep_head)
        if unwanted or any(here.get(path) != there.get(path) for path in group):
            skipped |= group
    problems = {
        path: _difference(names[path], here.get(path), there.get(path))
        for path in sorted({*here, *there} - skipped)
        if here.get(path) != there.get(path)
    }
    if settings.init_match == "matching":
        return _matching(mine, theirs, skipped, problems, settings.init_from)
    if problems:
        raise UserError(
            f"train.init_from={settings.init_from} does not fit this net: {len(problems)} "
            f"variables differ.\n{listing(problems.values())}\nChoose the same net and classes, "
            "leave parts out by patterns: --config.train.init_skip=\"('^NAME/',)\", or take what "
            "fits: --config.train.init_match=matching"
        )
    return _with(mine, theirs, skipped), _left_out(mine, skipped, settings.init_from)


def _heads_absent(net: nets.Net, ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    """Patterns of the heads that one of two runs learns nothing of."""
    here, there = ({name.partition("/")[0] for name in one} for one in (ours, theirs))
    heads = {path.partition("/")[0] for path in net.class_biases.values()}
    return [f"^{re.escape(head)}/" for head in sorted(heads - (here & there))]


def _matching(
    mine: by_path.Flat, theirs: by_path.Flat, skipped: set[str],
    problems: Mapping[str, str], source: str,
) -> tuple[nets.Variables, list[str]]:  # fmt: skip
    """What of `theirs` is under the same path and of the same shape, and a list of the rest."""
    without = {*skipped, *problems}
    taken = {*mine} & {*theirs} - without
    if not any(path.startswith("params/") for path in taken):
        raise UserError(
            f"train.init_from={source}: nothing there fits this net, though train.init_match is "
            f"'matching':\n{listing(problems.values(), 8)}\nGive a run of the same kind of net, or "
            "leave train.init_from out."
        )
    notes = [f"init     {len(taken)} of {len(mine)} variables are those of {source}"]
    if problems:
        notes.append(f"init     {len(problems)} do not fit:\n{listing(problems.values())}")
    return _with(mine, theirs, without), notes + _left_out(mine, skipped, source)


def _with(mine: by_path.Flat, theirs: by_path.Flat, without: set[str]) -> nets.Variables:
    """Our variables, as theirs but for some."""
    taken = {path: value for path, value in theirs.items() if path not in without}
    return by_path.nested({path: np.asarray(taken.get(path, mine[path])) for path in mine})


def _left_out(mine: by_path.Flat, skipped: set[str], source: str) -> list[str]:
    fresh = sorted(skipped & {*mine})
    if not skipped:
        return []
    return [f"init     {len(fresh)} variables left out of {source}: " + _short(fresh)]


def _difference(path: str, here: list[int] | None, there: list[int] | None) -> str:
    if there is None:
        return f"{path}: missing there, {here} here"
    return (
        f"{path}: unexpected, {there} there"
        if here is None
        else f"{path}: {there} there, {here} here"
    )


def _short(paths: list[str]) -> str:
    return ", ".join(paths[:4]) + (", ..." if len(paths) > 4 else "")
