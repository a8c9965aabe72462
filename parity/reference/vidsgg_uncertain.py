"""What TEMPURA has that STTran has not, in torch: mixtures, memories, boxes along a video."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from parity.reference import signon_nets, vidsgg_sttran

GROUPS = ("attention", "spatial", "contacting")
PLACE, TRACK_LAYERS, TRACK_FEED_FORWARD = 128, 3, 1024
Draw = Callable[[torch.Size], Tensor]


class Mixture(nn.Module):
    """Probabilities as a mixture of noisy ones.

    Args:
      width, classes, members: numbers of a feature, of classes and of the mixture's members.
      one: one class holds, else several may.
      draw: noise of N(0, 1) in a shape.
    """

    def __init__(self, width: int, classes: int, members: int, one: bool, draw: Draw):
        super().__init__()
        parts = {
            f"{part}_{i}": nn.Linear(width, size)
            for i in range(1, members + 1)
            for part, size in (("mu", classes), ("pi", 1), ("var", classes))
        }
        self.heads = nn.ModuleDict(parts)
        self._members, self._one, self.draw = range(1, members + 1), one, draw

    def forward(self, x: Tensor, noisy: bool, first: int = 0) -> Tensor:
        """[n, D] -> [n, classes from `first` on]; the noise is of all classes."""
        mean, share, variance = self._parts(x)
        if noisy:
            noise = torch.stack([self.draw(one.shape) for one in mean])
            mean = mean + variance.sqrt() * noise
        return (share * self._act(mean[..., first:])).sum(0)

    def uncertainty(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[n, D] -> [n, classes] twice, aleatoric and epistemic."""
        mean, share, variance = self._parts(x)
        told = self._act(mean)
        apart = (told - (share * told).sum(0)) ** 2
        return (share * variance).sum(0), (share * apart).sum(0)

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, share, variance = (
            torch.stack([self.heads[f"{part}_{i}"](x) for i in self._members])
            for part in ("mu", "pi", "var")
        )
        return mean, share.softmax(0), variance.sigmoid()

    def _act(self, mean: Tensor) -> Tensor:
        return mean.softmax(-1) if self._one else mean.sigmoid()


class Remembering(nn.Module):
    """What has a memory: the attention over its rows and how much of a feature stays.

    Its memory, `rows`, a tensor a part, is empty until somebody sets it.
    """

    def remember(
        self, width: int, kind: str, selection: str, kept: float | None, told_from: int
    ) -> None:
        """Makes the layers; `kind`: 'joint' or 'seperate'."""
        self.rows: list[Tensor] = []
        self._selection, self._kept = selection, kept
        if kind == "seperate":
            parts = {name: _asking(width) for name in sorted(GROUPS)}
            self.mem_attention: nn.Module = nn.ModuleDict(parts)
        else:
            self.mem_attention = _asking(width)
        if selection == "automated":
            self.selector = nn.Linear(told_from, 1)

    def remembered(self, x: Tensor) -> Tensor:
        """[n, D] -> the same, in part told from the memory."""
        if not self.rows:
            return x
        if isinstance(self.mem_attention, nn.ModuleDict):
            pairs = [(self.mem_attention[g], r) for g, r in zip(GROUPS, self.rows, strict=True)]
        else:
            pairs = [(self.mem_attention, torch.cat(self.rows))]
        asked = [layer(x, rows, rows, need_weights=False)[0] for layer, rows in pairs]
        answer = torch.stack(asked).mean(0)
        if self._selection == "automated":
            share = self.selector(x[:, : self.selector.in_features]).sigmoid()
        elif self._kept is None:
            return x + answer
        else:
            share = torch.tensor(self._kept)
        return share * x + (1 - share) * answer


def _asking(width: int) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(width, 1, bias=False)


class Places(nn.Module):
    """Rows of a fixed table are added."""

    def __init__(self, rows: int, width: int, rate: float):
        super().__init__()
        self.register_buffer("pe", signon_nets.table(width, rows)[None])
        self.dropout = nn.Dropout(rate)

    def forward(self, x: Tensor, at: Tensor) -> Tensor:
        found: Tensor = self.dropout(x + self.get_buffer("pe")[0, at])
        return found


class Classifier(Remembering):
    """Classes of boxes, along a video where they are tracked, with a memory.

    Args:
      members: of the mixture; 0 = a linear head.
      track_rows: of the table of places; 0 = boxes are told one by one.
      memory: there is one; `selection`, `kept`: as of `Remembering`.
    """

    def __init__(
        self,
        classes: int,
        features: int,
        words: int,
        inner: int,
        *,
        members: int,
        track_rows: int,
        memory: bool,
        selection: str,
        kept: float | None,
        rate: float,
        draw: Draw,
    ):
        super().__init__()
        width = features + words + PLACE
        base = vidsgg_sttran.ObjectClassifier(classes, features, words, inner)
        self.obj_embed, self.pos_embed = base.obj_embed, base.pos_embed
        if track_rows:
            self.positional_encoder = Places(track_rows, width, rate)
            sizes = width, vidsgg_sttran.HEADS, TRACK_FEED_FORWARD, rate
            layer = nn.TransformerEncoderLayer(*sizes, batch_first=True)
            self.encoder_tran = nn.TransformerEncoder(layer, TRACK_LAYERS)
        self.remembers, self._tracks = memory, bool(track_rows)
        if memory:
            self.remember(width if track_rows else inner, "joint", selection, kept, inner)
        self.intermediate = nn.Sequential(nn.Linear(width, inner), nn.BatchNorm1d(inner), nn.ReLU())
        self.decoder_lin = (
            Mixture(inner, classes, members, True, draw)
            if members
            else nn.Sequential(nn.Linear(inner, classes))
        )

    def forward(
        self, entry: Mapping[str, Tensor], phase: str, uncertain: bool
    ) -> dict[str, Tensor]:
        """`distribution`, the features before and behind the memory, uncertainties."""
        boxes, distribution = entry["boxes"], entry["distribution"]
        size = boxes[:, 3:] - boxes[:, 1:3] + 1
        place = self.pos_embed(torch.cat([boxes[:, 1:3] + 0.5 * size, size], 1))
        words = distribution @ self.obj_embed.weight
        h = torch.cat([entry["features"], words, place], 1)
        if self._tracks:
            h = self._followed(h, boxes[:, 0], distribution.argmax(1))
        kept = h if self._tracks else self.intermediate(h)
        behind = self.remembered(kept) if self.remembers else kept
        h = self.intermediate(behind) if self._tracks else behind
        found = {"object_features": kept, "object_mem_features": behind}
        if not isinstance(self.decoder_lin, Mixture):
            logits, test = self.decoder_lin(h), phase == "test"
            return found | {"distribution": logits[:, 1:].softmax(1) if test else logits}
        test = phase == "test" or uncertain
        found["distribution"] = self.decoder_lin(h, noisy=not test, first=int(test))
        if uncertain:
            found |= named("obj", self.decoder_lin.uncertainty(h))
        return found

    def _followed(self, h: Tensor, frames: Tensor, classes: Tensor) -> Tensor:
        """Boxes of one class attend to one another in the order of their frames."""
        every = [torch.nonzero(classes == one)[:, 0] for one in classes.unique()]
        ranks = [torch.unique(frames[rows], return_inverse=True)[1] for rows in every]
        at, _ = vidsgg_sttran.padded(torch.cat(ranks)[torch.cat(every).argsort()], every)
        x, padding = vidsgg_sttran.padded(h, every)
        x = self.positional_encoder(x, at).transpose(0, 1)
        x = self.encoder_tran(x, src_key_padding_mask=padding)
        found = torch.zeros_like(h)
        for number, rows in enumerate(every):
            found = found.index_copy(0, rows, x[number, : len(rows)])
        return found


def named(name: str, both: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Aleatoric and epistemic uncertainty under the original's names."""
    return dict(zip((f"{name}_al_uc", f"{name}_ep_uc"), both, strict=True))
