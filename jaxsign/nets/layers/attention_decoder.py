"""Autoregressive pre-norm transformer decoder, on whole sequences at once.

As torch's `TransformerDecoder` with `norm_first` and exact GELU, with learned positions.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import (
    activation,
    attention,
    dense,
    dropout,
    norm,
    temporal_attention,
    typed,
)

Array = jax.Array
_XAVIER = nn.initializers.xavier_uniform()
_ZEROS = nn.initializers.zeros


class DecoderAttention(typed.Layer):
    """torch's MultiheadAttention: `kernel` [D, 3 D], `bias` [3 D] (query, key, value) and `out`.

    Attributes:
      dim: D.
      num_heads: divides D.
      dropout: rate on the attention weights.
    """

    dim: int
    num_heads: int
    dropout: float = 0.0

    def setup(self) -> None:
        self.kernel = self.param("kernel", _XAVIER, (self.dim, 3 * self.dim), self.param_dtype)
        self.bias = self.param("bias", _ZEROS, (3 * self.dim,), self.param_dtype)
        self.out = dense.Dense(self.dim, bias_init=_ZEROS, **self.types)

    def project(self, x: Array, first: int, count: int) -> tuple[Array, ...]:
        """`count` of (query, key, value), from number `first` on, of x [B, S, D].

        Each float [B, H, S, D / H].
        """
        columns = slice(first * self.dim, (first + count) * self.dim)
        x, kernel, bias = nn.dtypes.promote_dtype(
            x, self.kernel[:, columns], self.bias[columns], dtype=self.dtype
        )
        parts = jnp.split(dense.dense(x, kernel, bias), count, axis=-1)
        return tuple(temporal_attention.split_heads(part, self.num_heads) for part in parts)

    def mix(
        self, query: Array, key: Array, value: Array, valid: Array | None, *, train: bool = False
    ) -> Array:
        """query [B, H, S, D / H] on key and value [B, H, T, D / H] -> [B, S, D].

        valid: bool [B, T] or broadcastable to [B, H, S, T].
        """
        keep = None
        if train and self.dropout > 0.0:
            shape = (*query.shape[:3], key.shape[2])
            keep = dropout.keep_mask(self.make_rng("dropout"), shape, self.dropout)
        mixed = attention.mix(query, key, value, valid, keep, self.dropout)
        return self.out(temporal_attention.merge_heads(mixed))


class DecoderLayer(typed.Layer):
    """x += Self(Norm(x)); x += Cross(Norm(x), memory); x += FeedForward(Norm(x)).

    Dropout on attention weights, after each part and inside the feed-forward part.
    """

    dim: int
    num_heads: int
    ff_dim: int
    dropout: float = 0.1

    def setup(self) -> None:
        self.norm1, self.norm2, self.norm3 = (norm.LayerNorm(**self.types) for _ in range(3))
        self.self_attention, self.cross_attention = (
            DecoderAttention(self.dim, self.num_heads, self.dropout, **self.types) for _ in range(2)
        )
        self.linear1 = dense.Dense(self.ff_dim, **self.types)
        self.linear2 = dense.Dense(self.dim, **self.types)
        self.drop = dropout.Dropout(self.dropout)

    def memory_keys(self, memory: Array) -> tuple[Array, Array]:
        """Key and value [B, H, T, D / H] of the memory [B, T, D]."""
        key, value = self.cross_attention.project(memory, 1, 2)
        return key, value

    def __call__(
        self,
        x: Array,
        memory: tuple[Array, Array],
        memory_valid: Array | None,
        seen: Array,
        *,
        train: bool,
    ) -> Array:
        """x: float [B, S, D], memory: of `memory_keys`, seen: bool [B or 1, S, S] -> as x."""
        query, key, value = self.self_attention.project(self.norm1(x), 0, 3)
        h = self.self_attention.mix(query, key, value, seen[:, None], train=train)
        x = x + self.drop(h, train=train)
        return self._rest(x, memory, memory_valid, train)

    def _rest(
        self, x: Array, memory: tuple[Array, Array], memory_valid: Array | None, train: bool
    ) -> Array:
        (query,) = self.cross_attention.project(self.norm2(x), 0, 1)
        h = self.cross_attention.mix(query, *memory, memory_valid, train=train)
        x = x + self.drop(h, train=train)
        h = self.drop(activation.gelu(self.linear1(self.norm3(x))), train=train)
        return x + self.drop(self.linear2(h), train=train)


class AttentionDecoder(typed.Layer):
    """Token ids -> logits of the next token, given an encoder's output.

    Attributes:
      vocabulary: ids V.
      dim: width D; num_heads divides it.
      num_layers, ff_dim, dropout: of the layers.
      max_target: longest sequence of tokens.
    """

    vocabulary: int
    dim: int
    num_heads: int
    num_layers: int
    ff_dim: int
    dropout: float = 0.1
    max_target: int = 200

    def setup(self) -> None:
        normal = nn.initializers.normal(1.0)
        shape = (self.vocabulary, self.dim)
        self.tokens = self.param("tokens", normal, shape, self.param_dtype)
        shape = (self.max_target, self.dim)
        self.positions = self.param("positions", normal, shape, self.param_dtype)
        self.layer = [
            DecoderLayer(self.dim, self.num_heads, self.ff_dim, self.dropout, **self.types)
            for _ in range(self.num_layers)
        ]
        self.final_norm = norm.LayerNorm(**self.types)
        self.out = dense.Dense(self.vocabulary, **self.types)

    def __call__(
        self,
        tokens: Array,
        memory: Array,
        memory_valid: Array | None,
        positions: Array | None = None,
        seen: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """Logits of the token after each.

        Args:
          tokens: int [B, S], S up to `max_target`.
          memory: float [B, T, D].
          memory_valid: bool [B, T], True = may be attended to; None = all.
          positions: int [B, S] below `max_target`, where each token stands; None = one after the
            other. With them S may be any.
          seen: bool [B, S, S], row = token, column = the tokens that it sees; None = itself and
            those before.
          train: use dropout.

        Returns:
          float32 [B, S, V].

        Raises:
          ValueError: more tokens than `max_target`.
        """
        if positions is None:
            self.check_length(tokens.shape[1])
            x = self._sum(tokens, self.positions[: tokens.shape[1]])
        else:
            x = self._sum(tokens, jnp.asarray(self.positions)[positions])
        x = self.decode_embedded(x, memory, memory_valid, seen, train=train)
        return self.out(x).astype(jnp.float32)

    def decode_embedded(
        self,
        x: Array,
        memory: Array,
        memory_valid: Array | None,
        seen: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """The layers and the last norm on embedded tokens, float [B, S, D] -> the same."""
        if seen is None:
            seen = jnp.tril(jnp.ones((x.shape[1],) * 2, bool))[None]
        for layer in self.layer:
            x = layer(x, layer.memory_keys(memory), memory_valid, seen, train=train)
        return self.final_norm(x)

    def check_length(self, length: int) -> None:
        """Refuses more tokens than there are positions."""
        if length > self.max_target:
            raise ValueError(
                f"{length} tokens are more than the decoder's {self.max_target} positions "
                "(max_target): a sequence with its start may not be longer"
            )

    def _sum(self, tokens: Array, positions: Array) -> Array:
        (x,) = nn.dtypes.promote_dtype(
            jnp.asarray(self.tokens)[tokens] + positions, dtype=self.dtype
        )
        return x
