"""Landmarks of a clip -> normalised positions and motion features.

Source: the preprocessing layer of the public system google_asl_recognition. Its oddities are kept:
the centre is the middle of the lower lip, the "acceleration" is a difference over two frames, the
"relative motion" compares a point with its neighbour in the list one frame before.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import local_hands

Array = jax.Array

# Places in the system's own order: face 0-467, pose 468-500, left hand 501-521, right hand 522-542.
FACE = (33, 133, 362, 263, 61, 291, 199, 419, 17, 84, 17, 314, 405, 320, 307, 375, 321, 308, 324, 318)  # fmt: skip # noqa: E501
HANDS = (range(501, 522), range(522, 543))
POINTS = (*FACE, *HANDS[0], *HANDS[1])
CENTRE = 17
LANDMARKS = 543
MISSING = ("zero", "ignore")
FEATURES_A_POINT = 12
# The original computes the cosine of successive steps only for clips longer than this.
_TOO_SHORT_FOR_COSINE = 3


def preprocess(
    x: Array,
    valid: Array | None = None,
    *,
    points: Sequence[int] = POINTS,
    max_len: int | None = 384,
    missing: str = "zero",
    hands: str = "body",
) -> Array:
    """Motion features of clips, in float32.

    Args:
      x: float [B, T, 543, 2 or more], all landmarks in the system's order, or [B, T, P, 2 or more],
        the picked ones; x and y stand first, NaN = not seen.
      valid: bool [B, T], True = real frame, real ones first; others have no influence and give
        zeros. None = all are real.
      points: the P landmarks to take.
      max_len: later frames are left out, once centre and spread are known; None = keep all.
      missing: one of `MISSING`: what unseen points count as in centre and spread; see
        `statistics`, `seen_statistics`.
      hands: 'body': no more than that; 'local': `local_features` of the hands behind it.

    Returns:
      float32 [B, min(T, max_len), 12 P], columns as in `motion_features`; with local hands
      12 P + 2 F of F points of fingers.

    Raises:
      ValueError: `x` has neither 543 nor P points, the picked points lack the centre or a wrist, or
        `missing` is none of `MISSING`.
    """
    if missing not in MISSING:
        raise ValueError(f"missing={missing!r} is none of {', '.join(MISSING)}")
    picked, centres = pick(x, points)
    if valid is not None:
        picked = jnp.where(valid[..., None, None], picked, jnp.nan)
    count = statistics if missing == "zero" else seen_statistics
    centre, spread = count(picked, centres, valid)
    lengths = None if valid is None else valid[:, :max_len].sum(1)
    picked = picked[:, :max_len]
    features = motion_features(picked, centre, spread, lengths)
    if hands == "body":
        return features
    return jnp.concatenate([features, local_features(picked, points)], axis=-1)


def fingers(points: Sequence[int]) -> list[list[int]]:
    """Places in a list of landmarks of each hand's points, its wrist first.

    Raises:
      ValueError: points of a hand without its wrist, or of no hand.
    """
    chosen = list(points)
    found = []
    for hand in HANDS:
        rows = [row for row, point in enumerate(chosen) if point in hand]
        if rows and hand[0] not in chosen:
            raise ValueError(f"hands='local' with points of a hand without {hand[0]}, its wrist")
        if rows:
            wrist = chosen.index(hand[0])
            found.append([wrist, *(row for row in rows if chosen[row] != hand[0])])
    if not found:
        raise ValueError("hands='local', but no point of a hand is among the points")
    return found


def local_features(picked: Array, points: Sequence[int]) -> Array:
    """Fingers around their wrists in the hand's own size, see `local_hands`.

    Args:
      picked: float32 [B, T, P, 2]; NaN = not seen.
      points: the P landmarks.

    Returns:
      float32 [B, T, 2 F], x and y of each listed point of the hands but the wrists; 0 where the
      point or its wrist is not seen.
    """
    hands = [
        local_hands.around_wrist(picked[:, :, np.asarray(rows)])[:, :, 1:]
        for rows in fingers(points)
    ]
    flat = jnp.concatenate(hands, axis=2).reshape(*picked.shape[:2], -1)
    return jnp.nan_to_num(flat)


def pick(x: Array, points: Sequence[int]) -> tuple[Array, Array]:
    """The listed points float32 [B, T, P, 2] and the centre's track [B, T, 2]; see `preprocess`."""
    x = jnp.asarray(x)[..., :2].astype(jnp.float32)
    if x.shape[2] == LANDMARKS:
        return x[:, :, np.asarray(points)], x[:, :, CENTRE]
    if x.shape[2] != len(points) or CENTRE not in points:
        raise ValueError(
            f"x has {x.shape[2]} points a frame, expected all {LANDMARKS} or the {len(points)} of "
            f"the list, among them landmark {CENTRE}, the centre"
        )
    return x, x[:, :, list(points).index(CENTRE)]


def statistics(picked: Array, centres: Array, valid: Array | None = None) -> tuple[Array, Array]:
    """Where a clip stands and how large it is.

    Args:
      picked: float32 [B, T, P, 2], NaN = not seen.
      centres: float32 [B, T, 2], NaN counts as 0.5.
      valid: bool [B, T] or None.

    Returns:
      The mean centre and the standard deviation of all points in all frames (unseen ones count as
      0), each float32 [B, 1, 1, 2].
    """
    real = jnp.ones(picked.shape[:2], bool) if valid is None else valid
    frames = real.sum(1).astype(jnp.float32)[:, None]
    # where, not a product: padding may hold anything.
    centres = jnp.where(jnp.isnan(centres), 0.5, centres)
    centre = jnp.where(real[..., None], centres, 0).sum(1) / jnp.maximum(frames, 1)
    inside = real[..., None, None]
    zeroed = jnp.where(inside & ~jnp.isnan(picked), picked, 0)
    count = frames * picked.shape[2]
    mean = zeroed.sum((1, 2)) / jnp.maximum(count, 1)
    squares = jnp.where(inside, jnp.square(zeroed - mean[:, None, None]), 0).sum((1, 2))
    spread = jnp.sqrt(squares / jnp.maximum(count - 1, 1))
    return centre[:, None, None], spread[:, None, None]


def seen_statistics(
    picked: Array, centres: Array, valid: Array | None = None
) -> tuple[Array, Array]:
    """`statistics` of the points that were seen; unseen ones count as nothing.

    A clip that never shows its centre has the mean of all its points instead.
    """
    real = jnp.ones(picked.shape[:2], bool) if valid is None else valid
    mean, spread = _moments(picked, real[..., None, None], (1, 2))
    centre, _ = _moments(centres, real[..., None], 1)
    centre = jnp.where(jnp.isnan(centre), jnp.where(jnp.isnan(mean), 0.5, mean), centre)
    return centre[:, None, None], jnp.where(jnp.isnan(spread), 0.0, spread)[:, None, None]


def _moments(x: Array, real: Array, axes: int | tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and standard deviation over `axes` of what is real and not NaN; NaN of nothing."""
    seen = real & ~jnp.isnan(x)
    count = seen.sum(axes).astype(jnp.float32)
    mean = jnp.where(seen, x, 0).sum(axes) / count
    about = jnp.where(seen, x - jnp.expand_dims(mean, axes), 0)
    return mean, jnp.sqrt(jnp.square(about).sum(axes) / jnp.maximum(count - 1, 1))


def motion_features(
    picked: Array, centre: Array, spread: Array, lengths: Array | None = None
) -> Array:
    """Seven blocks of features: how the points stand and move.

    Args:
      picked: float32 [B, T, P, 2]; NaN where a point is not seen or the frame is padding.
      centre, spread: float32 [B, 1, 1, 2]; see `statistics`.
      lengths: int [B], real frames of each clip; None = T.

    Returns:
      float32 [B, T, 12 P]: position, step to the next frame, step over two frames, step to the
      neighbour in the next frame, cosine of successive steps (twice) - each with x and y of a
      point side by side -, then length and angle of the step. 0 where any part is missing.
    """
    batch, frames, points, _ = picked.shape
    # Differences before the division: the other way round the compiler fuses both with different
    # rounding, and a point at rest would move by noise in any direction.
    scale = 1.0 / (spread + 1e-8)
    following = _later(picked, 1)
    step = (following - picked) * scale
    second = (_later(picked, 2) - picked) * scale
    neighbour = jnp.pad(
        (following[:, :, :-1] - picked[:, :, 1:]) * scale,
        ((0, 0), (0, 0), (0, 1), (0, 0)),
        constant_values=jnp.nan,
    )
    length = jnp.sqrt(_dot(step, step))
    cosine = _cosine(step, _later(step, 1), length)
    long_enough = jnp.full(batch, frames) if lengths is None else lengths
    cosine = jnp.where((long_enough > _TOO_SHORT_FOR_COSINE)[:, None, None], cosine, jnp.nan)
    twice = jnp.repeat(cosine, 2, axis=-1)
    angle = jnp.arctan2(step[..., 1], step[..., 0])
    flat = (batch, frames, 2 * points)
    pairs = [a.reshape(flat) for a in ((picked - centre) * scale, step, second, neighbour)]
    features = jnp.concatenate([*pairs, twice, length, angle], axis=-1)
    return jnp.where(jnp.isnan(features), 0.0, features)


def _later(x: Array, frames: int) -> Array:
    """x[:, t + frames], NaN beyond the end."""
    shape = (x.shape[0], min(frames, x.shape[1]), *x.shape[2:])
    return jnp.concatenate([x[:, frames:], jnp.full(shape, jnp.nan, x.dtype)], axis=1)


def _cosine(a: Array, b: Array, length: Array) -> Array:
    """Cosine of the angle between a and b [B, T, P, 2]; length [B, T, P] is that of a."""
    return _dot(a, b) / (jnp.maximum(length, 1e-8) * jnp.maximum(_later(length, 1), 1e-8))


def _dot(a: Array, b: Array) -> Array:
    """[..., 2] -> [...]; spelt out, as a sum over so few is a call of its own on a CPU."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]
