"""What is asked of a net of relations: its sizes, and what it may do beside telling them."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

import jax
import numpy as np

from jaxsign import fields, nets
from jaxsign.errors import UserError
from jaxsign.nets import scene_rows, state_dict
from jaxsign.nets.layers import spatial_masks

Array = jax.Array
MODES = ("predcls", "sgcls", "sgdet")
TOLD = "relations"  # the output that answers are made of
UNCERTAINTIES = ("aleatoric", "epistemic")


class RelationNet(nets.Net):
    """Relations between a person and the objects of a video.

    Attributes:
      mode: 'predcls': boxes and classes are given; 'sgcls': boxes are given, the net tells their
        classes and which one is the person; 'sgdet': boxes and classes come from a detector.
      num_objects: classes of boxes, the background (0) and the person (1) among them. In a recipe
        0 takes the data's, as in the widths of features, and () in `predicates`.
      predicates: how many predicates each group has.
      feature_dim: numbers of a box's features.
      union_dim: channels of the features around a pair.
      detector: folder of a detector's run that makes the features when annotated frames are opened;
        '' = they are stored. Who opens the frames looks at it, the net does not.
      hidden_dim: numbers of either box and of both together in a pair's features.
      word_dim: numbers of a class's word; the net's width D is 3 hidden_dim + 2 word_dim.
      map_dim: channels of the maps around a pair, inside.
      classifier_dim: inner width of the classifier of boxes.
      dropout: rate of all layers.
      masks: kind of the spatial masks: 'fractional', or 'hard' as m3sgg draws them.
      remat: inner values are made again for the gradient, not kept: more time; whether less
        memory, the machine and the sizes tell.
    """

    mode: str = fields.value("predcls", fields.among(*MODES))
    num_objects: int = fields.value(37, fields.NOT_NEGATIVE)
    predicates: tuple[int, ...] = (3, 6, 17)
    feature_dim: int = fields.value(2048, fields.NOT_NEGATIVE)
    union_dim: int = fields.value(1024, fields.NOT_NEGATIVE)
    detector: str = ""
    hidden_dim: int = fields.value(512, fields.COUNT)
    word_dim: int = fields.value(200, fields.COUNT)
    map_dim: int = fields.value(256, fields.COUNT)
    classifier_dim: int = fields.value(1024, fields.COUNT)
    dropout: float = fields.value(0.1, fields.RATE)
    masks: str = fields.value("fractional", fields.among(*spatial_masks.KINDS))
    remat: bool = False

    inputs: ClassVar[tuple[str, ...]] = (
        "boxes",
        "labels",
        "scores",
        "distribution",
        "features",
        "pairs",
        "union_features",
        "valid_frames",
        "valid_boxes",
        "valid_pairs",
    )
    outputs: ClassVar[tuple[str, ...]] = (
        "relations",
        "embedding",
        "labels",
        "scores",
        "pairs",
        "valid_pairs",
    )

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Raises UserError: there are no frames of one shape here."""
        raise UserError(
            f"net {nets.name_of(type(self))} takes scenes (boxes and pairs of frames), not clips "
            "of signs"
        )

    @property
    def branches(self) -> tuple[str, ...]:
        """Outputs shaped as `relations`, logits, that are each learned; default: that one alone."""
        return (TOLD,)

    @property
    def compared(self) -> Mapping[str, str]:
        """Branches that an evaluation tells apart, by name; the first is answered with.

        Default: there is nothing to compare.
        """
        return {}

    @property
    def own_losses(self) -> tuple[str, ...]:
        """Outputs of training `loss/NAME`, float32 [B]: terms of each video's loss; default: none.

        They come weighted, and are added to those of the relations and of the boxes' classes.
        """
        return ()

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Of 'relations' and 'objects' what it tells with how uncertain it is; default: nothing.

        Outputs `aleatoric` and `epistemic`, of boxes `object_aleatoric` and `object_epistemic`,
        float32 in the shape of the logits.
        """
        return ()

    @property
    def tells_of_boxes(self) -> bool:
        """Where boxes are classified, `object_remembered` [B, F, M, E] is what they are told from.

        Default: it is not handed out.
        """
        return False

    @property
    def learns_classes(self) -> bool:
        """Whether the classes of boxes are learned; default: unless they are given."""
        return self.mode != "predcls"

    @property
    def renews(self) -> bool:
        """Whether `renewed` is called at every epoch's end; default: no."""
        return False

    def look(self, variables: state_dict.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Arrays [B, ...]: what `renewed` takes of the videos of a batch; default: none."""
        return {}

    def renewed(
        self, variables: state_dict.Variables, rows: Iterable[Mapping[str, np.ndarray]]
    ) -> state_dict.Variables:
        """Variables behind an epoch, where more than steps changes them: a memory, a codebook.

        Args:
          variables: as the epoch left them; they are not changed.
          rows: of every batch of training examples, what `look` gave of its real ones.
        """
        raise NotImplementedError

    @property
    def takes_priors(self) -> bool:
        """Whether it starts from what is known of classes beforehand; default: no."""
        return False

    def with_priors(
        self, variables: state_dict.Variables, initial: np.ndarray, specific: np.ndarray
    ) -> state_dict.Variables:
        """Variables that start from what is known of classes.

        Args:
          variables: of this net; they are not changed.
          initial: float [C, R], shares of relations by class.
          specific: float [C, K, R], of those that follow a contact, a predicate of the last group.

        Raises:
          ValueError: other shapes.
        """
        raise NotImplementedError

    @property
    def width(self) -> int:
        """D, numbers of a pair inside."""
        return 3 * self.hidden_dim + 2 * self.word_dim

    @property
    def sizes(self) -> scene_rows.Sizes:
        """What the rows of the shared parts are made of."""
        return scene_rows.Sizes(
            self.num_objects,
            self.word_dim,
            self.hidden_dim,
            self.feature_dim,
            self.union_dim,
            self.map_dim,
            self.classifier_dim,
        )


def uncertainties(outputs: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """'aleatoric' and 'epistemic', if a net told them; `prefix` 'object_' = of boxes."""
    names = {name: f"{prefix}{name}" for name in UNCERTAINTIES}
    return {name: outputs[given] for name, given in names.items() if given in outputs}
