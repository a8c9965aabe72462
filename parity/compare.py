"""Produced arrays against expected ones: how much of its tolerance the worst number uses."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

Tolerance = Any  # [rtol, atol] or 'exact'


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far one array lies from the expected one.

    Attributes:
      name: the array.
      share: the worst number's error divided by what its tolerance allows: up to 1 passes.
      error: the absolute error of that number.
      where: where it stands, or what is wrong with the whole array.
    """

    name: str
    share: float
    error: float
    where: str

    @property
    def passed(self) -> bool:
        return self.share <= 1


def tolerance_of(name: str, tolerances: Mapping[str, Tolerance]) -> Tolerance:
    """The tolerance of the longest prefix of `name`, else `default`, else 'exact'."""
    prefixes = [p for p in tolerances if p != "default" and name.startswith(p)]
    return tolerances.get(max(prefixes, key=len, default="default"), "exact")


def compare(
    expected: Mapping[str, Any],
    produced: Mapping[str, Any],
    tolerances: Mapping[str, Tolerance],
    *,
    nan: Iterable[str] = (),
    ignore: Iterable[str] = (),
) -> list[Difference]:
    """Compares every expected array; one that was not produced is a failure.

    Args:
      expected: what the original gave.
      produced: what jaxsign gave, under the same names; more than that is no fault.
      tolerances: by prefix of the name, `default` for the rest.
      nan: prefixes of arrays that hold NaN on purpose: those numbers are not compared.
      ignore: arrays that are rounding noise in the original: names, or prefixes with a `*`.
    """
    result = []
    for name, value in expected.items():
        if any(_matches(name, pattern) for pattern in ignore):
            continue
        if name not in produced:
            result.append(_failure(name, "not produced"))
            continue
        tolerance = tolerance_of(name, tolerances)
        announced = name.startswith(tuple(nan))
        result.append(difference(name, value, produced[name], tolerance, nan_allowed=announced))
    return result


def difference(
    name: str, expected: Any, produced: Any, tolerance: Tolerance, *, nan_allowed: bool = False
) -> Difference:
    """One array; `expected` and `produced` are anything that numpy takes."""
    want, got = np.asarray(expected), np.asarray(produced)
    if want.shape != got.shape:
        return _failure(name, f"shape {list(got.shape)}, expected {list(want.shape)}")
    if not (want.dtype.kind in "fiub" and got.dtype.kind in "fiub"):
        return _exact(name, want, got)
    if (want.dtype.kind == "b") != (got.dtype.kind == "b"):
        return _failure(name, f"type {got.dtype}, expected {want.dtype}")
    if tolerance == "exact":
        return _exact(name, want, got, nan_allowed)
    return _within(name, want.astype(np.float64), got.astype(np.float64), tolerance, nan_allowed)


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _exact(name: str, want: np.ndarray, got: np.ndarray, nan_allowed: bool = False) -> Difference:
    """Equal numbers; NaN that is there on purpose must stand in the same places."""
    differ = np.asarray(want != got)
    if nan_allowed and want.dtype.kind == got.dtype.kind == "f":
        differ &= ~(np.isnan(want) & np.isnan(got))
    wrong = np.argwhere(differ)
    if not len(wrong):
        return Difference(name, 0.0, 0.0, "equal")
    at = tuple(int(i) for i in wrong[0])
    return _failure(
        name, f"{len(wrong)} differ, first at {_place(at)}: {got[at]!r}, not {want[at]!r}"
    )


def _within(
    name: str, want: np.ndarray, got: np.ndarray, tolerance: Any, nan_allowed: bool
) -> Difference:
    relative, absolute = tolerance
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        error = np.abs(got - want)
        share = error / (absolute + relative * np.abs(want))
    share = np.where((got == want) | ((error == 0) & np.isfinite(error)), 0.0, share)
    share = np.where(np.isnan(share), np.inf, share)
    if nan_allowed:
        share = np.where(np.isnan(want), 0.0, share)
    if not share.size:
        return Difference(name, 0.0, 0.0, "empty")
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(share)), share.shape))
    where = f"at {_place(at)}: {got[at]:.8g}, expected {want[at]:.8g}"
    worst = 0.0 if share[at] == 0 else float(error[at])
    return Difference(name, float(share[at]), worst, where)


def _failure(name: str, where: str) -> Difference:
    return Difference(name, float("inf"), float("inf"), where)


def _place(at: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, at))}]" if at else "the scalar"
