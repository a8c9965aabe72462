"""STKET in torch, one video at a time, pair by pair, with the original's keys."""

from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parity.reference.vidsgg_sttran import FEED_FORWARD, HEADS, FrontEnd, Stack, padded

NO_CONTACT, GAP = 8, 2  # the contact that says there is none; frames back at most


class Layer(nn.Module):
    """Attention by projections of what is known beforehand, post-norm.

    Args:
      between: positions are added behind the projections, and nothing is normalised last.
    """

    def __init__(self, width: int, rate: float, feed_forward: int, between: bool):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, HEADS, dropout=rate)
        self.linear1 = nn.Linear(width, feed_forward)
        self.linear2 = nn.Linear(feed_forward, width)
        self._first = "norm3" if between else "norm1"
        for name in ("norm3",) if between else ("norm1", "norm2"):
            setattr(self, name, nn.LayerNorm(width))
        self.W_q, self.W_k, self.W_v = (nn.Linear(width, width) for _ in range(3))
        self.dropout = nn.Dropout(rate)

    def forward(self, x: Tensor, prior: Tensor, place: Tensor, padding: Tensor) -> Tensor:
        query, key = (w(x + prior) + place for w in (self.W_q, self.W_k))
        mixed, _ = self.self_attn(
            query, key, self.W_v(x), key_padding_mask=padding, need_weights=False
        )
        x = self.get_submodule(self._first)(x + self.dropout(mixed))
        x = x + self.dropout(self.linear2(self.dropout(F.relu(self.linear1(x)))))
        return x if self._first == "norm3" else self.get_submodule("norm2")(x)


class Encoder(nn.Module):
    """What is known by class alone, and attention within a frame."""

    def __init__(self, layers: Sequence[Layer], shape: tuple[int, int], widths: Sequence[int]):
        super().__init__()
        self.initialPrior = nn.Parameter(torch.zeros(shape))
        self.encoder = Stack(layers)
        self.state_fc = _states(widths)


class Decoder(nn.Module):
    """What is known by class and contact, and attention between two frames."""

    def __init__(self, layers: Sequence[Layer], shape: tuple[int, int, int], widths: Sequence[int]):
        super().__init__()
        self.initialPrior = nn.Parameter(torch.zeros(shape[0], shape[2]))
        self.specificPrior = nn.Parameter(torch.zeros(shape))
        self.decoder = Stack(layers)
        self.position_embedding = nn.Embedding(2, widths[-1])
        self.state_fc = _states(widths)

    def after(self, label: int, contacts: Tensor) -> Tensor:
        """[D], what follows contacts, bool [K]."""
        if not contacts.any():
            return self.state_fc(self.initialPrior[label])
        return self.state_fc(self.specificPrior[label][contacts].mean(0))


class Ensemble(nn.Module):
    """Attention over a class's history."""

    def __init__(self, layers: Sequence[Layer], window: int, width: int):
        super().__init__()
        self.decoder = Stack(layers)
        self.position_embedding = nn.Embedding(window, width)


def _states(widths: Sequence[int]) -> nn.Sequential:
    pairs = zip(widths[:-1], widths[1:], strict=True)
    return nn.Sequential(*(nn.Linear(inner, out) for inner, out in pairs))


class STKET(FrontEnd):
    """Relations of a video's pairs; arguments as STTran's, and as jaxsign's net has them."""

    def __init__(
        self,
        mode: str,
        predicates: Sequence[int] = (3, 6, 17),
        spatial_layers: int = 1,
        temporal_layers: int = 3,
        *,
        rounds: int = 1,
        window: int = 3,
        contact_threshold: float = 0.5,
        true_contacts: bool = False,
        no_contact: int = NO_CONTACT,
        spatial_prior: bool = True,
        temporal_prior: bool = True,
        prior_dims: Sequence[int] = (128, 256, 512),
        classes: int = 37,
        feed_forward: int = FEED_FORWARD,
        rate: float = 0.1,
        **sizes: int,
    ):
        super().__init__(mode, classes=classes, **sizes)
        width, relations = self.width, sum(predicates)
        widths = relations, *prior_dims, width

        def layers(count: int, between: bool) -> list[Layer]:
            return [Layer(width, rate, feed_forward, between) for _ in range(count)]

        if spatial_layers:
            of_classes = classes, relations
            self.spatial_encoder = Encoder(layers(spatial_layers, False), of_classes, widths)
        if temporal_layers:
            shape = classes, predicates[-1], relations
            self.temporal_decoder = Decoder(layers(temporal_layers, True), shape, widths)
        if spatial_layers and temporal_layers:
            self.ensemble_decoder = Ensemble(layers(2, True), window, width)
        for start in ("", "spa_", "tem_", "ens_"):
            for name, count in zip("asc", predicates, strict=True):
                setattr(self, f"{start}{name}_rel_compress", nn.Linear(width, count))
        self._rounds, self._window = rounds, window
        self._first, self._later = bool(spatial_layers), bool(temporal_layers)
        self._threshold, self._true, self._none = contact_threshold, true_contacts, no_contact
        self._priors = spatial_prior, temporal_prior

    @property
    def branches(self) -> tuple[str, ...]:
        """How the names of what is learned begin."""
        there = {
            "spatial": self._first,
            "temporal": self._later,
            "ensemble": self._first and self._later,
            "spatial_prior": self._first and self._priors[0],
            "temporal_prior": self._later and self._priors[1],
        }
        return tuple(name for name, is_there in there.items() if is_there)

    def forward(self, entry: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The original's outputs, under its names.

        Args:
          entry: of one video, as the original's nets take it, with `contacts` bool [P, K], the true
            ones, where these are taken.
        """
        x, found = self.pairs(entry)
        frames, labels = entry["im_idx"].long(), entry["labels"][entry["pair_idx"][:, 1]]
        found |= self._told("", "", x)
        members = [torch.nonzero(frames == f)[:, 0] for f in range(int(frames[-1]) + 1)]
        if self._first:
            x, told = self._spatial(x, labels, members)
            found |= told
        if not self._later:
            return found
        start = "spatial_" if self._first else ""
        contacts = (
            entry["contacts"]
            if self._true
            else self._contacts(found[f"{start}contacting_distribution"].detach())
        )
        history = _Histories(frames.tolist(), labels.tolist(), self._scores(entry))
        between, before = self._between(x, history, contacts, members)
        found |= self._told("temporal_", "tem_", between) | {"inter/temporal_features": between}
        if self._priors[1]:
            found |= self._told("temporal_prior_", "tem_", before)
        if not self._first:
            return found
        ensemble = self._over((x + between) / 2, history)
        return (
            found
            | self._told("ensemble_", "ens_", ensemble)
            | {"inter/ensemble_features": ensemble}
        )

    def _spatial(
        self, x: Tensor, labels: Tensor, members: Sequence[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """[P, D] behind the layers within a frame, and what is told by it."""
        prior = self.spatial_encoder.state_fc(self.spatial_encoder.initialPrior[labels])
        prior = prior if self._priors[0] else torch.zeros_like(x)
        for _ in range(self._rounds):
            x = self._within(x, prior, members)
        found = self._told("spatial_", "spa_", x) | {"inter/spatial_features": x}
        if self._priors[0]:
            found |= self._told("spatial_prior_", "spa_", prior)
        return x, found

    def _scores(self, entry: Mapping[str, Tensor]) -> list[float] | None:
        """Of the pairs' objects where the surest one of a class and frame is remembered."""
        if "pred_scores" not in entry:
            return None
        return entry["pred_scores"][entry["pair_idx"][:, 1]].tolist()

    def _told(self, name: str, heads: str, x: Tensor) -> dict[str, Tensor]:
        attention, spatial, contacting = (
            self.get_submodule(f"{heads}{one}_rel_compress")(x) for one in "asc"
        )
        return {
            f"{name}attention_distribution": attention,
            f"{name}spatial_distribution": torch.sigmoid(spatial),
            f"{name}contacting_distribution": torch.sigmoid(contacting),
        }

    def _contacts(self, sure: Tensor) -> Tensor:
        """[P, K] -> bool, those that are taken to be there."""
        found = sure >= self._threshold
        if self._none >= 0:
            alone = torch.arange(sure.shape[1]) == self._none
            nothing = sure.argmax(1, keepdim=True) == self._none
            found = torch.where(nothing, alone, found & ~alone)
        return found

    def _within(self, x: Tensor, prior: Tensor, members: Sequence[Tensor]) -> Tensor:
        inside, padding = padded(x, members)
        known, _ = padded(prior, members)
        inside = self.spatial_encoder.encoder(inside, known, torch.zeros_like(inside), padding)
        found = torch.zeros_like(x)
        for frame, rows in enumerate(members):
            found = found.index_copy(0, rows, inside[: len(rows), frame])
        return found

    def _between(
        self,
        x: Tensor,
        history: "_Histories",
        contacts: Tensor,
        members: Sequence[Tensor],
    ) -> tuple[Tensor, Tensor]:
        """[P, D] of two frames, and what is known by the frame before."""
        decoder = self.temporal_decoder
        first = second = before = torch.zeros_like(x)
        if self._priors[1]:
            second = decoder.state_fc(decoder.initialPrior[history.labels])
            known_now, earlier = [], []
            for pair, (label, frame, known) in enumerate(history.walk(contacts)):
                now = known[frame]
                known_now.append(decoder.after(label, now) if frame else second[pair])
                earlier.append(decoder.after(label, known[_back(known, frame, 2)[0]]))
            first, before = torch.stack(known_now), torch.stack(earlier)
        if len(members) == 1:
            return torch.zeros_like(x), before
        windows = [torch.cat(pair) for pair in zip(members[:-1], members[1:], strict=True)]
        h, padding = padded(x, windows)
        late = torch.zeros(h.shape[:2], dtype=torch.long)
        for window, rows in enumerate(members[:-1]):
            late[len(rows) :, window] = 1
        priors = [padded(one, windows)[0] for one in (first, second)]
        prior = torch.where(late[..., None] == 0, *priors)
        place = decoder.position_embedding(late) * ~padding.T[..., None]
        h = decoder.decoder(h, prior, place, padding)
        found = torch.zeros_like(x).index_copy(0, members[0], h[: len(members[0]), 0])
        for window, rows in enumerate(members[1:]):
            start = len(members[window])
            found = found.index_copy(0, rows, h[start : start + len(rows), window])
        return found, before

    def _over(self, x: Tensor, history: "_Histories") -> Tensor:
        """[P, D] of the histories of objects' classes."""
        rows = [
            [known[at] for at in _back(known, frame, self._window)]
            for _, frame, known in history.walk(x)
        ]
        lengths = torch.tensor([len(row) for row in rows])
        filled = torch.zeros(self._window, *x.shape)
        for pair, row in enumerate(rows):
            filled[: len(row), pair] = torch.stack(row)
        places = torch.arange(self._window)[:, None]
        padding = places.T >= lengths[:, None]
        decoder = self.ensemble_decoder
        place = decoder.position_embedding(places) * ~padding.T[..., None]
        found = decoder.decoder(filled, torch.zeros_like(filled), place, padding)
        return found[lengths - 1, torch.arange(len(rows))]


class _Histories:
    """Of each class the pair of every frame: the last one, or with `scores` the surest."""

    def __init__(
        self, frames: Sequence[int], labels: Sequence[int], scores: Sequence[float] | None
    ):
        self.labels = list(labels)
        self._frames, self._scores = frames, scores

    def walk(self, values: Tensor) -> Iterator[tuple[int, int, dict[int, Tensor]]]:
        """Class and frame of every pair, and values by frame of the class up to this pair."""
        known: dict[int, dict[int, Tensor]] = {label: {} for label in self.labels}
        best: dict[tuple[int, int], float] = {}
        for pair, at in enumerate(zip(self.labels, self._frames, strict=True)):
            label, frame = at
            if self._scores is None or self._scores[pair] > best.get(at, 0):
                known[label][frame] = values[pair]
                best[at] = 0 if self._scores is None else self._scores[pair]
            yield label, frame, known[label]


def _back(known: Mapping[int, Tensor], frame: int, length: int) -> list[int]:
    """Frames of a history, the earliest first."""
    found = [frame]
    for earlier in sorted(known, reverse=True):
        if earlier < found[0] and found[0] - earlier <= GAP and len(found) < length:
            found.insert(0, earlier)
    return found
