"""Everything: python -m benchmarks [--quick] [--only NAME ...] [--json [FILE]]."""

from benchmarks import (
    asl_hybrid,
    command,
    detector,
    devices,
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

# What is short comes last: where time is short, little is left out.
MEASURES = (
    *fslr.MEASURES,
    *asl_hybrid.MEASURES,
    *whisper_sign.MEASURES,
    *signon.MEASURES,
    *scene_graphs.MEASURES,
    *detector.MEASURES,
    *devices.MEASURES,
    *streaming.MEASURES,
    *features.MEASURES,
    *input_pipeline.MEASURES,
    *views.MEASURES,
    *store.MEASURES,
    *extraction.MEASURES,
)

if __name__ == "__main__":
    command.main(*MEASURES)
