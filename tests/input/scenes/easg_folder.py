"""A small folder as EASG's, written by code."""

import json
import pickle

import torch

OBJECTS = ("knife", "bread", "person", "table")
PRE, PNR, POST = "pre", "pnr", "post"


def box(left=1.0, top=2.0, width=10.0, height=20.0):
    return {"left": left, "top": top, "width": width, "height": height}


def a_graph(uid="G1", verb="cut", triplets=(("cut", "dobj", "bread"),), groundings=None):
    return {
        "graph_uid": uid,
        "triplets": [["CW", "verb", verb], *map(list, triplets)],
        "groundings": {PRE: {"bread": box()}} if groundings is None else groundings,
    }


def clips(*graphs, split="train", **changed):
    return {"C1": {"split": split, "W": 64, "H": 48, "graphs": list(graphs)} | changed}


def write(folder, content, features=None, objects=OBJECTS):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "EASG_unict_master_final.json").write_text(json.dumps(content))
    (folder / "objects.txt").write_text("".join(f"{name}\n" for name in objects))
    if features is not None:
        torch.save(features, folder / "features_verb.pt")
    return folder


def baseline(folder, annotated, shown, verbs, split="train"):
    """The pickles of the baseline; `shown` and `verbs` hold tensors."""
    place = folder / "annts_in_new_format"
    place.mkdir(parents=True, exist_ok=True)
    lists = {"objects": OBJECTS, "verbs": ("cut", "take"), "relationships": ("dobj", "with")}
    for name, words in lists.items():
        (place / f"{name}.txt").write_text("".join(f"{word}\n" for word in words))
    (place / f"easg_{split}.pkl").write_bytes(pickle.dumps(annotated))
    (folder / f"roi_feats_{split}.pkl").write_bytes(pickle.dumps(shown))
    torch.save(verbs, folder / "verb_features.pt")
    return folder
