"""A codebook made shorter by optimal transport: the mass of its rows is moved onto fewer of them.

Source: SceneLLM as the public system m3sgg has it, with POT's Sinkhorn. Row j of a shorter codebook
is the mean of the rows whose mass went there, and mass goes to rows of like numbers. All is done in
float64, between epochs.
"""

import numpy as np

Array = np.ndarray
# Rows that a shorter codebook leaves over are put here, where they are nearest to nothing. The
# original's files can hold them: it never takes them either.
FAR = 1e6
_USED = 1e4
_TRIES, _LESS = 10, 0.01
_REGULAR, _ROUNDS, _CHECKED, _CONVERGED = 0.01, 100, 10, 1e-9
_TINY = 1e-8


def counted(codes: Array, size: int) -> Array:
    """float32 [size]: how often each row was taken; codes: int, -1 counts nothing."""
    return np.bincount(codes[codes >= 0], minlength=size).astype(np.float32)


def used(codebook: Array) -> int:
    """How many rows it has, of those that an array [size, D] has room for."""
    return int((np.abs(codebook) < _USED).all(axis=1).sum())


def padded(codebook: Array, size: int) -> Array:
    """float32 [size, D]: a shorter one [n, D], in the room of a longer."""
    rest = np.full((size - len(codebook), codebook.shape[1]), FAR)
    return np.concatenate([codebook, rest]).astype(np.float32)


def shorter(codebook: Array, usage: Array, step: int, *, parity: bool = False) -> Array | None:
    """The codebook with as many fewer rows as its use asks for; None = it stays.

    It is the longest one, of 1 to 10 steps less, whose use has clearly less entropy.

    Args:
      codebook: float [n, D].
      usage: float [n], how often each row was taken.
      step: rows that are taken away at a time, and the fewest that are left.
      parity: shares of use are the softmax of the counts, as m3sgg has them (it soon is 1 for one
        row), and so is what entropy is told of.

    Returns:
      float64 [m, D], m < n.
    """
    share = shares(usage, parity=parity)
    before = _entropy(share)
    for i in range(1, _TRIES + 1):
        size = max(len(codebook) - i * step, step)
        if size >= len(codebook):
            continue
        plan = transport(share, size)
        if before - _entropy(shares(plan.sum(0), parity=parity)) > _LESS:
            return moved(codebook, plan)
    return None


def shares(usage: Array, *, parity: bool = False) -> Array:
    """float64 [n] with the sum 1; see `shorter`."""
    usage = np.asarray(usage, np.float64) + _TINY
    weights = np.exp(usage - usage.max()) if parity else usage
    return weights / weights.sum()


def transport(share: Array, size: int) -> Array:
    """float64 [n, size]: the plan that moves `share` [n] evenly onto rows of like numbers."""
    places = (np.arange(n) / n for n in (len(share), size))
    cost = np.abs(np.subtract.outer(*places))
    return sinkhorn(share, np.full(size, 1 / size), cost)


def sinkhorn(source: Array, target: Array, cost: Array) -> Array:
    """The plan [n, m] between masses [n] and [m] by POT's rounds; its rows have the masses [n]."""
    kernel = np.exp(-cost / _REGULAR)
    scaled = kernel / np.maximum(source, np.finfo(float).tiny)[:, None]
    left, right = np.full(len(source), 1 / len(source)), np.full(len(target), 1 / len(target))
    for i in range(_ROUNDS):
        before = left, right
        arriving = kernel.T @ left
        with np.errstate(all="ignore"):
            right = target / arriving
            left = 1 / (scaled @ right)
        if not (arriving.all() and np.isfinite(left).all() and np.isfinite(right).all()):
            left, right = before
            break
        if i % _CHECKED == 0 and np.linalg.norm(right * (kernel.T @ left) - target) < _CONVERGED:
            break
    return left[:, None] * kernel * right


def moved(codebook: Array, plan: Array) -> Array:
    """float64 [m, D]: the means of the rows [n, D] whose mass a plan [n, m] moves there."""
    return (plan / (plan.sum(0) + _TINY)).T @ np.asarray(codebook, np.float64)


def _entropy(share: Array) -> float:
    return float(-(share * np.log(share + _TINY)).sum())
