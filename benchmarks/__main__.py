"""Everything: python -m benchmarks [--quick] [--json FILE]."""

from benchmarks import (
    asl_hybrid,
    command,
    extraction,
    features,
    fslr,
    input_pipeline,
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
    streaming.measure,
    features.measure,
    input_pipeline.measure,
    views.measure,
    store.measure,
    extraction.measure_if_there,
)

if __name__ == "__main__":
    command.main(*MEASURES)
