"""One shuffle of the clips, cut into train, val and test, as WhisperSign's preparation does it."""

from collections.abc import Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.formats import SPLITS

Shares = dict[str, list[int]]
# Which split takes what is left over by rounding down.
RULES = {"kaggle": "test", "video": "train"}


def shuffled(count: int, seed: int = 42) -> list[int]:
    """0 to count - 1 in the order of numpy's MT19937."""
    return np.random.RandomState(seed).permutation(count).tolist()


def shares(
    count: int,
    rule: str = "video",
    *,
    val_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 42,
) -> Shares:
    """The clips of each split, in random order; from 10 clips on those of the original.

    Every split that has a share gets a clip at least.

    Args:
      count: clips.
      rule: one of `RULES`: 'kaggle' takes train, val and test from the shuffled clips in this
        order and rounds train and val down; 'video' takes test from their end and val before it,
        both rounded down.
      val_share, test_share: of the clips; 0 = none.
      seed: of the shuffle.

    Raises:
      UserError: fewer clips than splits, or shares that leave nothing to train on.
    """
    if not (min(val_share, test_share) >= 0 and val_share + test_share < 1):
        raise UserError(
            f"shares of val {val_share:g} and test {test_share:g}: expected numbers from 0 up, "
            "together less than 1"
        )
    sizes = {"val": int(val_share * count), "test": int(test_share * count)}
    if RULES[rule] == "test" and test_share:
        # A share such as 1 - 0.1 - 0.1 must not fall short of 0.8 by rounding.
        sizes["test"] = count - int(round((1 - val_share - test_share) * count, 9)) - sizes["val"]
    for name, share in (("val", val_share), ("test", test_share)):
        sizes[name] = max(sizes[name], 1) if share else 0
    largest = max(sizes, key=lambda name: sizes[name])
    if sum(sizes.values()) == count and sizes[largest] > 1:
        sizes[largest] -= 1  # rounding left nothing to train on
    train = count - sizes["val"] - sizes["test"]
    if train < 1:
        wanted = ", ".join(f"{size} for {name}" for name, size in sizes.items() if size)
        raise UserError(
            f"{count} clip(s) cannot be shared: {wanted or 'nothing else'}, and none is left to "
            "train on. Give more clips, or leave a split out (--val-share 0, --test-share 0)."
        )
    return _cut(shuffled(count, seed), train, sizes["val"])


def original(count: int, rule: str = "video", seed: int = 42) -> Shares:
    """The original's split of any number of clips, with what goes wrong under 10 of them.

    By the rule 'kaggle' val is empty then; by 'video' all clips are in train, and again in val.
    """
    order, tenth = shuffled(count, seed), int(0.1 * count)
    if RULES[rule] == "test":
        return _cut(order, int(0.8 * count), tenth)
    if not tenth:
        return {"train": order, "val": list(order), "test": []}
    return _cut(order, count - 2 * tenth, tenth)


def _cut(order: Sequence[int], train: int, val: int) -> Shares:
    places = (slice(train), slice(train, train + val), slice(train + val, None))
    return {name: list(order[place]) for name, place in zip(SPLITS, places, strict=True)}
