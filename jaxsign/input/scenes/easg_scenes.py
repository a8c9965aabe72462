"""EASG's videos as scenes: the person is the wearer of the camera, whose box is the whole frame.

A pair is the wearer and an object. Groups: `verb`, what is done in the frame's graph (exactly one),
and `edge`, how the object takes part (any number). Thus nets of relations learn from EASG as from
any other scenes; nets of its own also take the graphs of its frames and features of their verbs.
"""

import numpy as np

from jaxsign.input.scenes.easg import ActionVideo
from jaxsign.input.scenes.easg_files import ActionWords
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import BACKGROUND, PERSON, Group, Vocabulary


def vocabulary(words: ActionWords) -> Vocabulary:
    """The classes of EASG's scenes; names that stand for two things are told apart."""
    objects = ("another person" if name == PERSON else name for name in words.objects)
    verbs = (f"{name} (verb)" if name in words.edges else name for name in words.verbs)
    groups = Group("verb", tuple(verbs), "one"), Group("edge", words.edges, "several")
    return Vocabulary((BACKGROUND, PERSON, *objects), groups)


def scene(video: ActionVideo, words: Vocabulary, where: str) -> Scene:
    """A video's scene, without features of boxes; in each frame the wearer's box comes first.

    Args:
      video: it.
      words: what `vocabulary` gave.
      where: it comes from, for messages.
    """
    frames = len(video.frames)
    # Each box moves by as many wearers as stand before it.
    places = np.arange(len(video.boxes)) + video.box_frames + 1
    persons = np.setdiff1d(np.arange(len(places) + frames), places)
    boxes = np.zeros((len(places) + frames, 4), np.float32)
    boxes[places], boxes[persons] = video.boxes, (0, 0, *video.image_size)
    labels = np.ones(len(boxes), np.int32)
    labels[places] = video.objects + 2  # behind the background and the person
    box_frames = np.zeros(len(boxes), np.int32)
    box_frames[places], box_frames[persons] = video.box_frames, np.arange(frames)
    verbs = video.verbs[video.frame_graphs[video.box_frames]]
    done = verbs[:, None] == np.arange(len(words.groups[0]))
    return Scene(
        source=where,
        vocabulary=words,
        frames=video.frames,
        image_sizes=np.tile(np.asarray(video.image_size, np.int32), (frames, 1)),
        boxes=boxes,
        box_frames=box_frames,
        labels=labels,
        scores=np.ones(len(boxes), np.float32),
        pairs=np.stack([persons[video.box_frames], places], axis=1),
        pair_frames=video.box_frames,
        relations=np.concatenate([done, video.edges], axis=1),
        labelled=np.ones(len(places), bool),
        frame_graphs=video.frame_graphs,
        verb_features=video.verb_features,
    )
