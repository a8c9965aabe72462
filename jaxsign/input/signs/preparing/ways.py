"""Ways to split clips, as functions of who signs and what is signed in each."""

import collections
import random
import warnings
from collections.abc import Sequence

import numpy as np

from jaxsign.input.signs.formats import SPLITS


def by_signer(
    signers: Sequence[str], *, test_share: float = 0.2, val_share: float = 0.0, seed: int = 42
) -> list[str]:
    """A split for every clip; no signer is in two (google_asl_recognition, step 1.2).

    Signers in the order of their first clips are shuffled by Python's `random`; the first
    int(n * (1 - test_share)) train, the rest test. A validation split takes the last of those that
    would train, so that the test split is the same with and without it.

    Args:
        signers: who signs in every clip.
        test_share, val_share: of the signers.
        seed: of the shuffle.

    Raises:
        ValueError: too few signers.
    """
    order = list(dict.fromkeys(signers))
    random.Random(seed).shuffle(order)
    first_test = int(len(order) * (1 - test_share))
    val = max(1, round(len(order) * val_share)) if val_share else 0
    sizes = {"train": first_test - val, "val": val, "test": len(order) - first_test}
    names = [name for name in SPLITS for _ in range(sizes[name])]
    wanted = _wanted(test_share, val_share)
    if len(order) < len(wanted) or any(sizes[name] < 1 for name in wanted):
        counts = ", ".join(f"{max(0, sizes[name])} {name}" for name in wanted)
        raise ValueError(f"of {len(order)} signer(s) there would be {counts}; each needs one")
    split_of = dict(zip(order, names, strict=True))
    return [split_of[signer] for signer in signers]


def signer_common(
    signs: Sequence[str],
    signers: Sequence[str],
    *,
    test_share: float = 0.2,
    val_share: float = 0.2,
    seed: int = 42,
    draws: int = 1000,
) -> list[str]:
    """A split for every clip; no signer is in two, and most signs are in all of them.

    Of so many draws the first that leaves most signs in every split. With shares of 0.2, or 0.1, it
    is the split of SignON's BSL and ISL, whose own draws cannot be repeated.

    Args:
        signs, signers: of every clip.
        test_share, val_share: of the signers.
        seed: of the draws.
        draws: how many.

    Raises:
        ValueError: too few signers.
    """
    signs_of = {signer: set[str]() for signer in dict.fromkeys(signers)}
    for sign, signer in zip(signs, signers, strict=True):
        signs_of[signer].add(sign)
    seeds = random.Random(seed).sample(range(2**32), draws)
    shares = {"test_share": test_share, "val_share": val_share}
    found = max(
        (by_signer(list(signs_of), seed=one, **shares) for one in seeds),
        key=lambda splits: _common(list(signs_of.values()), splits),
    )
    split_of = dict(zip(signs_of, found, strict=True))
    return [split_of[signer] for signer in signers]


def _common(signs: Sequence[set[str]], splits: Sequence[str]) -> int:
    """How many signs all splits have, by the signs and the split of every signer."""
    together = {name: set[str]() for name in splits}
    for one, name in zip(signs, splits, strict=True):
        together[name] |= one
    return len(set.intersection(*together.values()))


def stratified(
    classes: Sequence[int],
    *,
    test_share: float = 0.2,
    val_share: float = 0.0,
    seed: int = 42,
    names: Sequence[str] = (),
) -> list[str]:
    """A split for every clip, with about the same share of every class in each.

    With one of both shares 0 this is the splitter of fslr-transformer-vs-iv3gru.

    Args:
        classes: of every clip.
        test_share, val_share: of the clips.
        seed: of scikit-learn's StratifiedShuffleSplit.
        names: of the classes, for messages.

    Raises:
        ValueError: a class has fewer than two clips, or a split would lack classes.
    """
    counts = collections.Counter(classes)
    lone = [names[c] if names else str(c) for c, count in counts.items() if count < 2]
    if lone:
        shown = ", ".join(lone[:8]) + (" ..." if len(lone) > 8 else "")
        raise ValueError(f"{len(lone)} of {len(counts)} signs have a single clip: {shown}")
    found = np.full(len(classes), "train", "<U5")
    rest = np.arange(len(classes))
    for name, share in (("test", test_share), ("val", val_share)):
        if share:
            labels = np.asarray(classes)[rest]
            kept, drawn = _draw(labels, share * len(classes) / len(rest), seed)
            found[rest[drawn]] = name
            rest = rest[np.sort(kept)]
    return found.tolist()


def _draw(classes: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import model_selection

    splitter = model_selection.StratifiedShuffleSplit(
        n_splits=1, test_size=share, random_state=seed
    )
    return next(splitter.split(np.zeros(len(classes)), classes))


def signer_stratified(
    signs: Sequence[str],
    signers: Sequence[str],
    *,
    test_share: float = 0.1,
    val_share: float = 0.1,
) -> list[str]:
    """A split for every clip: no signer is in two, signs as evenly spread as that allows.

    Shares become folds: 0.1 is fold 0 of 10, and 0.1 of what then is left is fold 0 of 9. With
    these shares it is the split of SignON's VGT, NGT and LSE.

    Args:
        signs, signers: of every clip.
        test_share, val_share: of the clips.

    Raises:
        ValueError: fewer signers than folds.
    """
    found = np.full(len(signs), "train", "<U5")
    rest = np.arange(len(signs))
    left = 1.0
    for name, share in (("test", test_share), ("val", val_share)):
        if share:
            drawn = _fold(np.asarray(signs)[rest], np.asarray(signers)[rest], round(left / share))
            found[rest[drawn]] = name
            rest = np.delete(rest, drawn)
            left -= share
    return found.tolist()


def _fold(signs: np.ndarray, signers: np.ndarray, folds: int) -> np.ndarray:
    """The places of fold 0."""
    if folds < 2:
        raise ValueError("a split cannot take more than one of two folds; take a share up to 0.6")
    count = len(np.unique(signers))
    if count < folds:
        raise ValueError(
            f"{count} signer(s) cannot be put into {folds} folds (1 / share); take a larger share "
            "or split by signer"
        )
    return np.flatnonzero(_folds(signs, signers, folds) == 0)


def folds(signs: Sequence[str], signers: Sequence[str], count: int) -> np.ndarray:
    """int [N], the fold of every clip from 0: signs as evenly spread as may be, nothing drawn.

    Args:
        signs: of every clip.
        signers: of every clip, none of whom is in two folds; () = these do not matter. Clips that
            follow each other then fall into the same fold, as those of a session do.
        count: of folds, at least 2.
    """
    return _folds(np.asarray(signs), np.asarray(signers), count)


def _folds(signs: np.ndarray, signers: np.ndarray, count: int) -> np.ndarray:
    from sklearn import model_selection

    kind = model_selection.StratifiedGroupKFold if len(signers) else model_selection.StratifiedKFold
    found = np.zeros(len(signs), int)
    with warnings.catch_warnings():  # of rare signs, which `splitting.warnings` tells too
        warnings.simplefilter("ignore", UserWarning)
        parts = kind(n_splits=count).split(
            np.zeros(len(signs)), signs, signers if len(signers) else None
        )
        for number, (_, held) in enumerate(parts):
            found[held] = number
    return found


def _wanted(test_share: float, val_share: float) -> list[str]:
    shares = (1.0, val_share, test_share)
    return [name for name, share in zip(SPLITS, shares, strict=True) if share]
