"""The verbs import and export. What is heavy to import is imported when they run."""

import argparse

from jaxsign import arguments
from jaxsign.infer import run_folder


def add_import(subparsers: arguments.Verbs) -> None:
    """Adds `jaxsign import`."""
    parser = arguments.add_verb(
        subparsers,
        "import",
        "make a run folder from an original system's torch checkpoint",
        """
        Reads a .pt file that the original training script wrote (bare or nested state_dict,
        with or without the prefixes of DataParallel and torch.compile) and writes a run folder
        that evaluate, predict and export take. The net and its sizes are told by the file;
        what it does not store (attention heads, pooling) is assumed unless given. The rest of
        the recipe can be set as --config.KEY=VALUE.
        """,
        """
        jaxsign import SignTransformer_best.pt --workdir runs/original
        jaxsign import InceptionV3GRU_best.pt --workdir runs/iv3 --label-map labels_reference.csv
        jaxsign import model.pt --workdir runs/original --config.data.val.path=data/val
        jaxsign import best_stage3.pt --workdir runs/vsl --label-map processed/label_map.json
        """,
    )
    parser.add_argument(
        "file",
        type=arguments.Existing,
        metavar="FILE",
        help="the torch checkpoint (.pt, .pth, .ckpt)",
    )
    parser.add_argument(
        "--workdir", type=arguments.NewRun, required=True, metavar="RUN",
        help="the run folder to make",
    )  # fmt: skip
    parser.add_argument("--net", help="the net's name (told by the keys)")
    parser.add_argument("--n-heads", type=arguments.positive, help="attention heads (8)")
    parser.add_argument("--pooling", choices=("mean", "max", "cls"), help="pooling (mean)")
    parser.add_argument(
        "--label-map",
        metavar="FILE",
        help="names of the classes: csv gloss_id,label,cat_id,category, or json {name: id}",
    )
    parser.add_argument(
        "--with-backbone",
        action="store_true",
        default=None,
        help="keep the image backbone also if it was frozen",
    )
    arguments.add_encoding(parser)
    parser.set_defaults(run=import_, overrides=True, rest=())


def import_(words: argparse.Namespace) -> int:
    """Runs `jaxsign import`."""
    from jaxsign.infer.torch import importing

    found = importing.import_checkpoint(
        words.file,
        words.workdir,
        net=words.net,
        n_heads=words.n_heads,
        pooling=words.pooling,
        label_map=words.label_map,
        with_backbone=words.with_backbone,
        overrides=words.rest,
    )
    sizes = ", ".join(f"{name}={value}" for name, value in found.fields.items())
    print(f"{words.file}: {found.net} ({sizes})")
    print(f"  {found.parameters:,} parameters")
    if found.epoch is not None or found.best_metric is not None:
        print(f"  epoch {_said(found.epoch)}, {found.metric_name} {_said(found.best_metric)}")
    for note in found.notes:
        print(f"  {note}")
    print(f"Run folder: {found.workdir}")
    return 0


def _said(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def add_export(subparsers: arguments.Verbs) -> None:
    """Adds `jaxsign export`."""
    parser = arguments.add_verb(
        subparsers,
        "export",
        "write a run as a torch checkpoint of the original system",
        """
        Writes the weights of a run as a .pt file that the original system loads: the same keys
        in the same order under 'model', with epoch and best_metric. An InceptionV3GRU whose run
        does not hold the image backbone needs torchvision's weights file for it.
        """,
        """
        jaxsign export --workdir runs/fslr SignTransformer_best.pt
        jaxsign export --workdir runs/iv3 out.pt --backbone-weights inception_v3_google-0cc3c7bd.pth
        """,
    )
    run_folder.add_run(parser)
    parser.add_argument(
        "out", type=arguments.NewFile, metavar="OUT", help="the torch file to write"
    )
    backbone = parser.add_mutually_exclusive_group()
    backbone.add_argument("--backbone-weights", metavar="FILE", help="torchvision weights file")
    backbone.add_argument(
        "--heads-only", action="store_true", help="leave the image backbone out of the file"
    )
    parser.set_defaults(run=export)


def export(words: argparse.Namespace) -> int:
    """Runs `jaxsign export`."""
    from jaxsign.infer.torch import exporting

    made = exporting.export_checkpoint(
        words.workdir,
        words.out,
        which=words.which,
        backbone_weights=words.backbone_weights,
        heads_only=words.heads_only,
    )
    print(
        f"{made.path}: {made.keys} arrays, epoch {made.epoch}, "
        f"{made.metric_name} {made.best_metric:.4g}"
    )
    for note in made.notes:
        print(f"  {note}")
    return 0
