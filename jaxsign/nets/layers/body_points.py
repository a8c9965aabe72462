"""75 points of body and hands, normalised frame by frame inside a net.

Order: 33 points of the body, 21 of the left hand, 21 of the right hand. Source: the public system
SignON (its PoseFormer and PTN); `jaxsign.input.signs.views.signon` does the same to arrays on disk.
"""

import jax
import jax.numpy as jnp

Array = jax.Array
POINTS, FEATURES = 75, 134
SHOULDERS = (11, 12)
KEPT_BODY = 25  # the legs come behind these
HANDS = (33, 54)  # wrists, each the first of 21 points
FINGER = 9  # from a wrist to its middle finger's MCP
MISSING = ("zero", "upstream")


def features(points: Array, missing: str = "zero") -> tuple[Array, Array]:
    """The numbers that the nets take of points, and the frames that show a body.

    The body in shoulder widths around the middle of the shoulders, each hand around its wrist in
    distances from there to its middle finger's MCP; x and y of all but the legs, point by point.

    Args:
      points: float [B, T, 75, 3]; NaN = not seen.
      missing: 'zero': a frame whose shoulders coincide or are not seen is missing and all 0, and so
        is a hand without a size; nothing is NaN or infinite. 'upstream': there they are NaN, or
        infinite where shoulders coincide.

    Returns:
      float32 [B, T, 134], and bool [B, T], False = missing.

    Raises:
      ValueError: another shape.
    """
    if points.ndim != 4 or points.shape[2:] != (POINTS, 3):
        raise ValueError(f"x has shape {points.shape}, expected [B, T, {POINTS}, 3]")
    points = points.astype(jnp.float32)
    left, right = (points[:, :, i : i + 1] for i in SHOULDERS)
    width = _length(left - right)
    seen = width > 0  # False for NaN, too
    body = (points[:, :, :KEPT_BODY] - (left + right) / 2) / width
    # Without a body there is no hand either.
    hands = [jnp.where(seen, _hand(points, wrist), jnp.nan) for wrist in HANDS]
    if missing == "zero":
        body = jnp.where(seen & jnp.isfinite(body), body, 0)
        hands = [jnp.where(jnp.isfinite(h).all((2, 3), keepdims=True), h, 0) for h in hands]
    flat = jnp.concatenate([part[..., :2] for part in (body, *hands)], axis=2)
    return flat.reshape(*flat.shape[:2], FEATURES), seen[:, :, 0, 0]


def counted(
    points: Array, valid: Array | None, missing: str, padding: str, *, empty: str
) -> tuple[Array, Array]:
    """Features without NaN, and the frames that count.

    Args:
      points, missing: as `features`.
      valid: bool [B, T] or None.
      padding: 'valid': frames count that are valid and show a body, and the others are 0;
        'upstream': `valid` is not looked at.
      empty: how the original then finds padding: 'zero', by a sum of 0; 'nan', by NaN alone.

    Returns:
      float32 [B, T, 134] and bool [B, T].
    """
    found, seen = features(points, missing)
    known = jnp.nan_to_num(found)
    if padding == "valid":
        counts = seen if valid is None else seen & valid
        return jnp.where(counts[..., None], known, 0), counts
    if empty == "nan":
        return known, ~jnp.isnan(features(points, "upstream")[0]).all(-1)
    return known, known.sum(-1) != 0


def _hand(points: Array, wrist: int) -> Array:
    """A hand in its own size, which the body's cancels out of.

    So equal points have a distance of exactly 0, however the compiler rounds.
    """
    hand = points[:, :, wrist : wrist + 21] - points[:, :, wrist : wrist + 1]
    return hand / _length(hand[:, :, FINGER : FINGER + 1])


def _length(way: Array) -> Array:
    return jnp.sqrt(jnp.square(way).sum(-1, keepdims=True))
