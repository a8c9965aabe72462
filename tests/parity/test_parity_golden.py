"""Every shipped case and file through jaxsign, and the nets' cases through the references."""

import jax
import numpy as np
import pytest

from parity import cases, jobs, run, targets

SHIPPED = [job for folder in run.shipped() for job in jobs.jobs(folder)]
REFERENCE = [job for folder in run.shipped() for job in jobs.jobs(folder, jobs.REFERENCE)]


def names(found):
    return [job.name for job in found]


def passes(job):
    with jax.default_matmul_precision("highest"):
        outcome = job.work()
    worst = [f"{d.share:.3g} {d.name} {d.where}" for d in outcome.differences if not d.passed]
    assert outcome.status in ("passed", "left out"), (outcome.message, worst)
    return outcome


@pytest.mark.parametrize("job", SHIPPED, ids=names(SHIPPED))
def test_shipped(job):
    outcome = passes(job)
    assert outcome.status == "passed" and outcome.differences


@pytest.mark.parametrize("job", REFERENCE, ids=names(REFERENCE))
def test_reference(job):
    passes(job)


@pytest.mark.parametrize("system", ["fslr", "asl_hybrid"])
def test_every_target_and_kind_is_shipped(system):
    loaded = [cases.load(path) for path in (jobs.SHIPPED / system).glob("*.npz")]
    known = targets.module(system).TARGETS
    assert {part for case in loaded for part in case.target.split(", ")} == set(known)
    assert {case.meta["kind"] for case in loaded} == {"forward", "train", "function"}


@pytest.mark.parametrize("folder", run.shipped(), ids=lambda folder: folder.name)
def test_shipped_cases_are_small(folder):
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < {"signon": 600_000}.get(folder.name, 3_100_000)


def test_empty_rows_are_finite_where_the_original_gave_nan():
    case = cases.load(jobs.SHIPPED / "fslr" / "transformer_mean_holes_emptyrow.npz")
    produced = targets.find(case.system, case.target)(case)
    for name in case.call["nan"]:
        assert np.isnan(case.expected[name]).any()
        assert np.isfinite(produced[name]).all()
