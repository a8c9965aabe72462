"""Results as a table for people."""

from rich.table import Table

from benchmarks.results import Results
from benchmarks.timing import Timing
from jaxsign.screen import Console


def show(results: Results) -> None:
    """Prints the table."""
    console, about = Console(width=140, highlight=False), results.machine
    console.print(
        f"{about['devices']}; torch {about['packages']['torch']} with {about['torch_threads']} "
        f"threads, jax {about['packages']['jax']} on {about['platform']}"
    )
    table = Table("measured", "jaxsign", "other", "ratio", "GFLOP/s", "of peak", "compile", "note")
    for measured in results.measures.values():
        peak = f"best float32 matrix product: {measured.peak / 1e9:.0f} GFLOP/s"
        for row in measured.rows:
            table.add_row(
                row.name,
                _spread(row.ours),
                f"{row.other} {_spread(row.sides[row.other])}" if row.other else "",
                f"{row.ratio:.2f}x" if row.ratio else "",
                f"{row.speed / 1e9:.0f}" if row.flops else "",
                f"{row.speed / measured.peak:.0%}" if row.flops else "",
                f"{row.ours.compiling:.1f} s",
                row.note,
            )
    if table.rows:
        console.print(peak, table, sep="\n")
        console.print(
            "times: median and half the distance of the quartiles; ratio: other / jaxsign; "
            "compile: how much longer the first run took"
        )
    for name, why in results.left_out.items():
        console.print(f"left out: {name}: {why}")


def seconds(value: float) -> str:
    """Such as '1.20 s' or '35 ms'."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def _spread(timing: Timing) -> str:
    return f"{seconds(timing.median)} ±{timing.spread:.0%}"
