"""What the documentation names exists."""

import re
import shlex
import subprocess

import command_pages
import net_page
import pytest
import yaml
from helpers import ROOT

from jaxsign import cli, nets
from jaxsign import config as configs
from jaxsign import stages as stage
from jaxsign.input.signs import sources
from jaxsign.input.signs.corpora import cleaning, presets
from jaxsign.train import by_path, freezing
from jaxsign.train.sweeps import space


def table_keys(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `--") and len(cells) == 3:
            yield from re.findall(r"`([^`]+)`", cells[1])


def test_every_key_of_the_flag_table_exists():
    known = set(configs.flatten(configs.load("fslr_transformer")))
    known |= set(configs.flatten(configs.load("fslr_iv3_gru")))
    keys = [key for key in table_keys(ROOT / "docs" / "from_fslr.md") if not key.startswith("--")]
    assert len(keys) > 50
    assert [key for key in keys if key not in known] == []


def test_every_original_flag_is_in_the_table():
    flags = """--model --epochs --batch-size --alpha --beta --num-gloss --num-cat --keypoints-train
    --keypoints-val --features-train --features-val --labels-train-csv --labels-val-csv --kp-key
    --feature-key --hidden1 --hidden2 --dropout --pretrained-backbone --freeze-backbone
    --gradient-accumulation-steps --compile-model --auto-batch-size --enable-parallel --smoke-test
    --smoke-batch-size --smoke-T --lr --weight-decay --amp --grad-clip --scheduler
    --scheduler-patience --warmup-epochs --early-stop --resume --log-csv --num-workers --pin-memory
    --prefetch-factor --auto-workers --seed --deterministic --output-dir --curriculum
    --curriculum-epochs --curriculum-warmup --curriculum-min-weight --curriculum-schedule
    --loss-weighting --grid-search-weights --uncertainty-init --gradnorm-alpha
    --gradnorm-update-freq --loss-type --focal-gamma --focal-alpha --label-smoothing --augment
    --augment-noise-std --augment-mask-prob --augment-mask-ratio --use-ema --ema-decay""".split()
    text = (ROOT / "docs" / "from_fslr.md").read_text(encoding="utf-8")
    assert [flag for flag in flags if f"`{flag}`" not in text] == []


def test_every_key_of_the_whispersign_page_exists():
    known = set(configs.flatten(configs.load("whisper_sign")))
    page = (ROOT / "docs" / "from_whispersign.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2] for line in page.splitlines() if line.startswith("| `")]
    found = {
        word.replace("stageN", "stage2") for row in rows for word in re.findall(r"`([^`]+)`", row)
    }
    keys = {key for key in found if re.fullmatch(r"[a-z]+(\.\w+)+", key)}
    assert len(keys) > 30
    assert sorted(keys - known) == []


def test_every_key_of_the_scene_graphs_page_exists():
    recipes = ("sttran", "stket", "tempura", "scene_llm:gemma")
    known = {key for name in recipes for key in configs.flatten(configs.load(name))}
    page = (ROOT / "docs" / "from_vidsgg.md").read_text(encoding="utf-8")
    cells = [line.split("|")[2] for line in page.splitlines() if line.startswith("| `-")]
    keys = {key for cell in cells for key in re.findall(r"`([^`-][^`]*)`", cell)}
    assert len(keys) > 25
    assert sorted(keys - known) == []


@pytest.mark.parametrize("name", ["fslr_transformer", "fslr_iv3_gru"])
def test_shipped_recipes_load(name):
    assert configs.load(name).system == name


def test_the_recipe_of_the_training_page_works(tmp_path):
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(from configs.*?)```", page, re.DOTALL).group(1)
    (tmp_path / "my_recipe.py").write_text(code)
    config = configs.load(str(tmp_path / "my_recipe.py"))
    assert [(s.name, s.epochs, s.start) for s in stage.resolve(config)] == [
        ("head", 30, "last"),
        ("all", 20, "last"),
    ]
    assert config.stage.head.until.monitor == "loss"


def test_commands_of_the_pages_are_understood():
    top = cli.parser()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
        lines = re.findall(r"^jaxsign .*", blocks, re.MULTILINE)
        for line in lines + re.findall(r"`jaxsign [a-z][^`\n]*`", text):
            words = shlex.split(line.strip("`").partition("#")[0])[1:]
            assert words[0] in top.format_help(), line
            if len(words) == 1 or "..." in words or words[0] == "parity":
                continue
            # Placeholders like [--flag] stand for options; DIR, RUN and FILE are values.
            parsed, rest = top.parse_known_args([w.strip("[]") for w in words])
            assert all(w.startswith("--config.") for w in rest), line
            if any(w.startswith("--config.") for w in rest):
                assert parsed.overrides, line


def test_the_corpus_of_ones_own_of_the_corpora_page_is_understood(tmp_path):
    page = (ROOT / "docs" / "corpora.md").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL).group(1))
    mine = presets.find(str(tmp_path / "mine.toml"))
    assert mine.upper and mine.drops == (r"^\?", "^FS:") and (mine.minimum, mine.rate) == (10, 30)
    assert cleaning.clean("huis (x)", mine) == "HUIS"


def test_the_cleaning_of_the_videos_page_works(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "videos.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    data = configs.load("fslr_transformer:synthetic").data
    one = sources.open_source(data, "val").read(0)
    one.save(tmp_path / "clips" / "hello.clip.npz")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/videos.md", "exec"), {})
    assert "Missing(frames=" in capsys.readouterr().out


SIGNON_FLAGS = """--log_dir --data_kind --model_name --variable_length_sequences --checkpoint
--freeze_parts --freeze_until_convergence --lr_after_unfreeze --keep_frozen --data_dir --num_classes
--source_aspect_ratio --batch_size --learning_rate --num_attention_layers --num_attention_heads
--d_hidden --d_pose --backbone_name --weight_decay --weighted_loss --use_bias_init
--disable_lr_scheduler --retrain_on_all --lr_steps --regularize_attention --l2_lambda
--regularize_pose_embedding --l1_lambda --l1_label_norm --pf_dropout --multilingual_conditioned
--lang_embedding_size --residual_pose_embedding --no_pose_embedding --pose_embedding_kind
--num_workers --samples_file_override --data_path_override --mediapipe_2d --augment_rotY
--augment_hflip --augment_adaptSpeed --augment_adaptSpeedFaster --augment_temporalShift
--learning_curve_pct --run_name --seed --no_early_stopping --max_epochs --max_steps --precision
--gradient_clip_val --gradient_clip_algorithm --accumulate_grad_batches --check_val_every_n_epoch
--val_check_interval --limit_train_batches --limit_val_batches --overfit_batches --fast_dev_run
--num_sanity_val_steps --log_every_n_steps --track_grad_norm --resume_from_checkpoint
--deterministic --devices --accelerator""".split()


def test_signons_page_has_every_flag_and_only_keys_that_exist():
    path = ROOT / "docs" / "from_signon.md"
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if "| `--" in line]
    named = {flag for row in rows for flag in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert named == set(SIGNON_FLAGS)
    known = {
        key
        for recipe in ("signon", "signon:ptn", "signon:vtn")
        for key in configs.flatten(configs.load(recipe))
    }
    keys = {key for key in table_keys(path) if not key.startswith("--")}
    assert len(keys) > 50
    assert keys - known == set()


def test_the_recipe_of_the_transfer_page_freezes_and_thaws(tmp_path):
    page = (ROOT / "docs" / "transfer.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    (tmp_path / "my_transfer.py").write_text(code)
    first, second = stage.resolve(configs.load(str(tmp_path / "my_transfer.py")))
    net = nets.build("poseformer", num_gloss=3, emb_dim=16, n_heads=2, n_layers=1)
    paths = ["/".join(e.path[1:]) for e in net.key_table() if e.path[0] == "params"]
    tops = [
        {
            path.partition("/")[0]
            for path in by_path.select(
                paths, row.config.train.trainable, freezing.patterns(row.config.train, net)
            )
        }
        for row in (first, second)
    ]
    assert tops[0] == {"cls_token", "norm", "head"}
    assert tops[1] == {path.partition("/")[0] for path in paths} - {"frame_embed"}
    assert (first.until, first.config.train.early_stop) == (True, 5)
    assert (second.until, second.config.train.early_stop, second.config.optim.lr) == (
        False, 20, 3e-5,
    )  # fmt: skip
    assert second.keep_optimizer and second.keep_schedule and not second.reset_best


def test_the_parts_of_the_transfer_page_are_those_of_the_nets():
    page = (ROOT / "docs" / "transfer.md").read_text(encoding="utf-8")
    tops = {}
    for name, options in (
        ("poseformer", {"languages": 2, "label_norm": True}),
        ("ptn", {"languages": 2}),
        ("vtn", {"languages": 2}),
    ):
        table = nets.build(name, num_gloss=3, **options).key_table()
        tops[name] = {entry.key.partition(".")[0] for entry in table}
        row = re.search(rf"^\| `{name}` \| (.*) \|$", page, re.MULTILINE).group(1)
        if name != "vtn":
            assert set(re.findall(r"`([^`]+)`", row)) == tops[name]
    assert tops["vtn"] == tops["ptn"] - {"pose_embedding"} | {"backbone"}


def test_the_space_of_the_sweeps_page_is_one_of_its_recipe(tmp_path):
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    path = tmp_path / "space.toml"
    path.write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL).group(1))
    recipe = configs.load("fslr_transformer:synthetic")
    found = space.read(path, recipe)
    space.check_net(found, recipe, path)
    assert [axis.key for axis in found.axes] == ["optim.lr", "net.dropout", "net.n_layers"]


def test_the_files_of_the_page_of_several_machines_start_trainings(tmp_path):
    page = (ROOT / "docs" / "several_machines.md").read_text(encoding="utf-8")
    job = tmp_path / "job.sh"
    job.write_text(re.search(r"```sh\n(.*?)```", page, re.DOTALL).group(1))
    assert subprocess.run(["bash", "-n", job], check=False).returncode == 0
    text = job.read_text().replace("\\\n", " ")
    commands = [shlex.split(re.search(r"^srun (.*)$", text, re.MULTILINE).group(1))]
    files = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    parts = [part for text in files for part in yaml.safe_load_all(text)]
    assert [part["kind"] for part in parts] == ["Service", "Job", "JobSet"]
    service, job, jobs = (part["spec"] for part in parts)
    several = jobs["replicatedJobs"][0]["template"]["spec"]
    assert service["selector"]["job-name"] == parts[1]["metadata"]["name"]
    assert job["template"]["spec"]["subdomain"] == parts[0]["metadata"]["name"]
    for spec in (job, several):
        assert spec["completionMode"] == "Indexed"
        container = spec["template"]["spec"]["containers"][0]
        commands.append([*container["command"], *container["args"]])
        assert f"--processes={spec['completions']}" in container["args"]
        assert spec["parallelism"] == spec["completions"]
    for words in commands:
        parsed, rest = cli.parser().parse_known_args(words[1:])
        assert parsed.verb == "train" and words[0] == "jaxsign"
        configs.load(parsed.config, rest)


def test_every_key_of_the_troubleshooting_page_exists():
    recipes = ("small", "asl_hybrid", "whisper_sign", "sttran")
    known = {key for name in recipes for key in configs.flatten(configs.load(name))}
    known |= {"input.augment", "net.remat"}  # a section, and a field that recipes leave as it is
    assert nets.get("sttran").remat is False
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"`([a-z]+(?:\.\w+)+)(?:=[^`]*)?`", page))
    assert len(keys) > 35
    assert keys - known == set()


def test_the_pages_of_the_commands_have_every_option():
    pages = command_pages.texts()
    assert set(pages) == {"index", *command_pages.verbs()}
    for verb, parser in command_pages.verbs().items():
        assert f"[`{verb}`]({verb}.md)" in pages["index"]
        options = re.findall(r"^  (?:-\w, )?(--[a-z][\w-]+)", parser.format_help(), re.MULTILINE)
        told = re.findall(r"^\| `(--[a-z][\w-]+)", pages[verb], re.MULTILINE)
        assert sorted(told) == sorted(set(options) - {"--help"}), verb
        assert pages[verb].count("```") % 2 == 0


def test_the_page_of_the_nets_has_all_of_them():
    assert sorted(net_page.RECIPES) == list(nets.names())
