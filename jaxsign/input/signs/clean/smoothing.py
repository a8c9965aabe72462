"""Less jitter: the One Euro filter, which a live system can run, and Savitzky-Golay."""

import dataclasses

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.clip import Clip


def one_euro(
    clip: Clip, *, min_cutoff: float = 1.0, beta: float = 10.0, derivative_cutoff: float = 1.0
) -> Clip:
    """A low pass whose cutoff rises with speed: calm at rest, prompt in motion. Looks back only.

    A point that comes back after an absence starts anew.

    Args:
      clip: left as it is.
      min_cutoff: Hz at rest; lower is calmer.
      beta: Hz more for every unit a second (x and y: image widths or heights); higher lags less.
      derivative_cutoff: Hz of the low pass over the speed.

    Returns:
      A new clip; absent points stay absent.

    Raises:
      UserError: a cutoff that is not above 0, or a negative `beta`.

    Source: Casiez, Roussel, Vogel: 1 Euro Filter, CHI 2012.
    """
    if not (min_cutoff > 0 and derivative_cutoff > 0 and beta >= 0):
        raise UserError(
            f"one_euro: min_cutoff={min_cutoff}, derivative_cutoff={derivative_cutoff}, "
            f"beta={beta}; expected cutoffs above 0 and beta from 0 up"
        )
    x = clip.landmarks.astype(np.float64)
    # Frames of one and the same time are taken as a microsecond apart.
    steps = np.maximum(np.diff(clip.timestamps), 1e-6)
    smooth = x.copy()
    speed = np.zeros_like(x[0])
    # Each frame needs the smoothed one before it: the one loop over frames there is here.
    for t, step in enumerate(steps, start=1):
        last = smooth[t - 1]
        raw = (x[t] - last) / step
        new = np.isnan(last)
        speed = np.where(np.isnan(raw), 0, speed + _weight(derivative_cutoff, step) * (raw - speed))
        weight = _weight(min_cutoff + beta * np.abs(speed), step)
        smooth[t] = np.where(new, x[t], last + weight * (x[t] - last))
    return dataclasses.replace(clip, landmarks=smooth.astype(np.float32))


def _weight(cutoff: float | np.ndarray, step: float) -> float | np.ndarray:
    """The share of the new value in a low pass of `cutoff` Hz after `step` seconds."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))


def savitzky_golay(clip: Clip, window: int = 7, order: int = 2) -> Clip:
    """Every point on the polynomial that fits its neighbouring frames best.

    Works within the runs of frames that show a point; a hole in the timestamps ends a run too. A
    run shorter than the window takes the largest odd window that fits, or stays as it is where
    that would not smooth. The frames of a run are taken as evenly spaced: resample clips of
    uneven timestamps first.

    Args:
      clip: left as it is.
      window: frames, odd.
      order: of the polynomial, less than `window`.

    Returns:
      A new clip; absent points stay absent.

    Raises:
      UserError: a window or an order that does not work.

    Source: Savitzky, Golay: Smoothing and Differentiation of Data, 1964; scipy's filter.
    """
    if window < 1 or window % 2 == 0 or not 0 <= order < window:
        raise UserError(
            f"savitzky_golay: window={window}, order={order}; expected an odd window and an order "
            "from 0 to window - 1"
        )
    from scipy import signal  # it takes as long to import as all the rest

    landmarks = clip.landmarks.copy()
    # Coordinates are taken apart, for sources without depth. Those that come and go together, such
    # as a whole hand's, are smoothed together.
    flat = landmarks.reshape(len(clip), -1)
    for seen, columns in _together(~np.isnan(flat)):
        for start, end in zip(*presence.recorded_runs(seen, clip.timestamps), strict=True):
            size = min(window, end - start - 1 + (end - start) % 2)
            if size > order:
                run = flat[start:end, columns].astype(np.float64)
                flat[start:end, columns] = signal.savgol_filter(run, size, order, axis=0)
    return dataclasses.replace(clip, landmarks=landmarks)


def _together(seen: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The patterns bool [T] among the columns of bool [T, K], and the columns of each."""
    words = np.ascontiguousarray(np.packbits(seen, axis=0).T)
    _, first, owner = np.unique(
        words.view(f"V{words.shape[1]}").ravel(), return_index=True, return_inverse=True
    )
    return [(seen[:, column], np.flatnonzero(owner == i)) for i, column in enumerate(first)]
