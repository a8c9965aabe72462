"""Recall of relations, over frames and over graphs of actions."""

import numpy as np

from jaxsign.input.scenes import pairs
from jaxsign.input.scenes.vocabulary import ACTION_GENOME
from jaxsign.tasks.scenes import easg_recall, recall
from parity import cases
from parity.settings import vidsgg as settings

Arrays = dict[str, np.ndarray]


def evaluated(case: cases.Case) -> Arrays:
    """A case of the evaluator: every constraint's recall."""
    case.args.one_of("names", "the Action Genome object and relation names")
    case.args.one_of("iou_threshold", recall.OVERLAP)
    case.args.one_of("semithreshold", recall.SURE)
    inputs, truth = case.inputs, _truth(case)
    found: Arrays = {}
    told = _told(inputs, given=case.args["mode"] == "predcls")
    cuts = case.call.whole("K")
    for constraint in case.call.whole("constraints"):
        ranks = recall.ranks(told, truth, ACTION_GENOME, constraint)
        sums = recall.count(ranks, truth, ACTION_GENOME, cuts)
        means = recall.mean_recall(sums)
        for i, cut in enumerate(cuts):
            start = f"output/recall/{constraint}"
            found |= {
                f"{start}/R{cut}_per_frame": recall.per_frame(ranks, truth, cut),
                f"{start}/mR{cut}": means[i],
                f"{start}/hit{cut}": sums["hits"][i],
                f"{start}/count{cut}": sums["true"],
                f"{start}/stket_mR{cut}": _of_frames(ranks < cut, truth),
            }
    return found


def _told(inputs: Arrays, *, given: bool) -> recall.Answers:
    """What the original's net gave; `given`: classes are."""
    start = "" if given else "pred_"
    scores = inputs["pred_scores"]
    attention = np.exp(inputs["attention_distribution"].astype(np.float64))
    parts = [(attention / attention.sum(1, keepdims=True)).astype(np.float32)]
    parts += [inputs[f"{name}_distribution"] for name in settings.GROUPS[1:]]
    return recall.Answers(
        inputs["boxes"][:, 1:],
        inputs[f"{start}labels"],
        np.ones_like(scores) if given else scores,
        inputs["pair_idx"],
        inputs["im_idx"].astype(int),
        np.concatenate(parts, axis=1),
    )


def _truth(case: cases.Case) -> recall.Truth:
    """Rows of boxes, the person of every frame first, with lists of predicates."""
    rows = case.under("input/gt/")
    frames = rows["boxes"][:, 0].astype(int)
    persons = np.flatnonzero(np.diff(frames, prepend=-1))
    both = pairs.of_persons(frames, rows["labels"], persons)
    groups = []
    for name, size in zip(settings.GROUPS, settings.PREDICATES, strict=True):
        listed = rows[name].reshape(len(frames), -1)[both[:, 1]]
        groups.append((listed[..., None] == np.arange(size)).any(1))
    relations = np.concatenate(groups, axis=1)
    frame = frames[both[:, 0]]
    boxes = rows["boxes"][:, 1:]
    return recall.Truth(boxes, rows["labels"], both, frame, relations, int(frames.max()) + 1)


def _of_frames(told: np.ndarray, truth: recall.Truth) -> np.ndarray:
    """STKET's mean recall: of every frame alone, where a predicate is absent 0."""
    shape = truth.length, truth.relations.shape[1]
    hits, true = np.zeros(shape), np.zeros(shape)
    np.add.at(hits, truth.frames, truth.relations & told)
    np.add.at(true, truth.frames, truth.relations)
    return np.asarray((hits / (true + 1e-10)).mean())


def graphs(case: cases.Case) -> Arrays:
    """EASG's triplets and their recall, graph by graph as they are stored."""
    call, given = case.call, case.inputs
    call.one_of("num_top_verb", easg_recall.VERBS)
    call.one_of("num_top_rel_with", easg_recall.EDGES["with"])
    call.one_of("num_top_rel_no", easg_recall.EDGES["no"])
    count = len({name.partition("/")[0] for name in given})
    truth = _triplets([given[f"{i}/gt_triplets"] for i in range(count)])
    told = _graphs(given, count)
    found: Arrays = {}
    for mode in call.whole("modes"):
        shares = []
        for constraint in easg_recall.CONSTRAINTS:
            made = easg_recall.candidates(told, mode, constraint)
            shares.append(easg_recall.recall(made, truth, count, call.whole("K")))
            for i in range(count):
                name = f"output/{i}/{mode}/{constraint}_triplets"
                found[name] = made.triplets[made.graphs == i]
        for i, share in enumerate(np.stack(shares, axis=1)):
            found[f"output/recall/{i}/{mode}"] = share
    return found


def _triplets(rows: list[np.ndarray]) -> easg_recall.Triplets:
    numbers = np.repeat(np.arange(len(rows)), list(map(len, rows)))
    return easg_recall.Triplets(numbers, np.concatenate(rows))


def _graphs(given: Arrays, count: int) -> easg_recall.Graphs:
    def together(name: str) -> np.ndarray:
        return np.concatenate([np.atleast_1d(given[f"{i}/{name}"]) for i in range(count)])

    sizes = [len(given[f"{i}/obj_indices"]) for i in range(count)]
    return easg_recall.Graphs(
        np.repeat(np.arange(count), sizes),
        together("scores_rels"),
        together("scores_objs"),
        together("obj_indices"),
        np.stack([given[f"{i}/scores_verb"] for i in range(count)]),
        together("verb_idx"),
    )
