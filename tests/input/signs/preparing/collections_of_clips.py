"""Small collections for the tests of preparation, on disk and in memory."""

import csv
import json

import numpy as np

from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import Collection, Entry, google_islr

GOOGLE_250 = """
TV after airplane all alligator animal another any apple arm aunt awake backyard bad balloon bath
because bed bedroom bee before beside better bird black blow blue boat book boy brother brown bug
bye callonphone can car carrot cat cereal chair cheek child chin chocolate clean close closet cloud
clown cow cowboy cry cut cute dad dance dirty dog doll donkey down drawer drink drop dry dryer duck
ear elephant empty every eye face fall farm fast feet find fine finger finish fireman first fish
flag flower food for frenchfries frog garbage gift giraffe girl give glasswindow go goose grandma
grandpa grass green gum hair happy hat hate have haveto head hear helicopter hello hen hesheit hide
high home horse hot hungry icecream if into jacket jeans jump kiss kitty lamp later like lion lips
listen look loud mad make man many milk minemy mitten mom moon morning mouse mouth nap napkin night
no noisy nose not now nuts old on open orange outside owie owl pajamas pen pencil penny person pig
pizza please police pool potty pretend pretty puppy puzzle quiet radio rain read red refrigerator
ride room sad same say scissors see shhh shirt shoe shower sick sleep sleepy smile snack snow stairs
stay sticky store story stuck sun table talk taste thankyou that there think thirsty tiger time
tomorrow tongue tooth toothbrush touch toy tree uncle underwear up vacuum wait wake water wet weus
where white who why will wolf yellow yes yesterday yourself yucky zebra zipper
""".split()


def a_clip(seed=0, frames=3):
    landmarks = np.random.default_rng(seed).random((frames, 543, 3), np.float32)
    landmarks[0, 468:489] = np.nan
    return Clip(landmarks, np.arange(frames) / 25, frame_size=(64, 48), fps=25.0, source="me")


def in_memory(rows, **fields):
    """A collection of (sign or signs, signer) rows; its clips are made when they are read."""
    entries = [
        Entry(f"c{i:03d}", (signs,) if isinstance(signs, str) else tuple(signs), signer=signer)
        for i, (signs, signer) in enumerate(rows)
    ]
    return Collection("recordings", "clips", entries, a_clip, **fields)


def google_folder(folder, signs=("go", "hello", "zebra"), signers=("7", "30", "2"), each=2):
    """A Google ISLR folder with one more column than usual and `each` clips a pair."""
    rows, pairs = [], [(signer, sign) for signer in signers for sign in signs] * each
    for i, (signer, sign) in enumerate(pairs):
        path = f"train_landmark_files/{signer}/{100 + i}.parquet"
        google_islr.write_clip(folder / path, a_clip(i))
        rows.append([path, signer, str(100 + i), sign, f"note {i}"])
    header = ["path", "participant_id", "sequence_id", "sign", "remark"]
    write_csv(folder / "train.csv", [header, *rows])
    index = json.dumps({sign: i for i, sign in enumerate(sorted(signs))})
    (folder / "sign_to_prediction_index_map.json").write_text(index)
    return folder


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
