"""Detectors of jwyang's faster-rcnn.pytorch, such as faster_rcnn_ag.pth."""

from collections.abc import Mapping
from typing import Any

from jaxsign.infer.torch import originals
from jaxsign.infer.torch.originals import TorchFile
from jaxsign.input.boxes.source import BACKGROUND
from jaxsign.input.scenes.vocabulary import ACTION_GENOME


class DetectorForm(originals.Form):
    """`model`, a state_dict, beside numbers of the session."""

    variant = "coco"

    def settings(self, file: TorchFile, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The classes, which no file names: Action Genome's where there are as many."""
        count, names = int(fields["num_classes"]), ACTION_GENOME.objects
        if count == len(names):
            file.notes.append(f"took its {count} classes for Action Genome's: the file names none")
            return {"task.objects": names, "data.source": "action_genome"}
        file.notes.append(
            f"named its {count} classes by number: the file names none. Name them: "
            "--config.task.objects=\"('__background__', ...)\""
        )
        return {"task.objects": (BACKGROUND, *(f"class {i}" for i in range(1, count)))}


FORM = DetectorForm()
