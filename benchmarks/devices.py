"""A training step on two devices by jit over a mesh, against pmap and one device.

python -m benchmarks.devices [--quick] [--json FILE]

Processors are made two devices: it tells what sharing costs, not what it gains.
"""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import command, sides, timing, workload
from benchmarks.rows import Row
from configs import fslr_transformer
from jaxsign import runtime
from jaxsign.errors import UserError

# Clips a batch, frames a clip, layers, rounds.
SIZES = {"full": (32, 100, 4, 15), "quick": (32, 100, 2, 3), "check": (2, 24, 1, 1)}
_CHILD = "import sys; from benchmarks import devices; devices.tell(sys.argv[1])"


def measure(size: str) -> list[Row]:
    """In a process of its own, as JAX fixes the number of devices when it starts."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, size],
        env={**os.environ, "XLA_FLAGS": flags},
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise UserError(f"two devices: {reason}")
    told = json.loads(done.stdout.splitlines()[-1])
    times = {name: timing.Timing.of(one) for name, one in told.items()}
    batch, frames, layers, _ = SIZES[size]
    name = f"SignTransformer of {layers} layers: step on two devices, {batch} x {frames}"
    return [
        Row(f"{name}{against}", {"jit": times["jit"], other: times[other]})
        for other, against in (("pmap", ""), ("one device", ", against one"))
    ]


def tell(size: str) -> None:
    """Prints the times of all ways as JSON."""
    runtime.quiet()
    batch, frames, layers, rounds = SIZES[size]
    config = fslr_transformer.get_config()
    config.net.update(input_dim=156, num_gloss=105, num_cat=10, n_layers=layers)
    if size == "check":
        config.net.update(emb_dim=16, n_heads=2, ff_dim=32)
    example = workload.batch([frames] * batch, frames, 156)
    ways = {"jit": (2, "jit"), "pmap": (2, "pmap"), "one device": (1, "pmap")}
    runs = {}
    for name, (count, parallel) in ways.items():
        side = sides.Jax(config, example, devices=count, parallel=parallel)
        runs[name] = functools.partial(side.train, [side.prepare(example)])
    times = timing.alternate(runs, rounds=rounds)
    print(json.dumps({name: one.as_dict() for name, one in times.items()}))


MEASURES = (command.Measure("devices", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
