"""Everything: python -m benchmarks [--quick] [--json FILE]."""

from benchmarks import (
    asl_hybrid,
    command,
    detector,
    detector_users,
    extraction,
    features,
    fslr,
    input_pipeline,
    scene_graphs,
    signon,
    store,
    streaming,
    views,
    whisper_sign,
)

MEASURES = (
    fslr.measure,
    asl_hybrid.measure,
    whisper_sign.measure,
    signon.measure_points,
    signon.measure_films,
    scene_graphs.measure,
    detector.measure,
    detector_users.measure,
    streaming.measure,
    features.measure,
    input_pipeline.measure,
    views.measure,
    store.measure,
    extraction.measure_if_there,
)

if __name__ == "__main__":
    command.main(*MEASURES)
