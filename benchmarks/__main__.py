"""Everything: python -m benchmarks [--quick] [--json FILE]."""

from benchmarks import command, fslr, input_pipeline, views

if __name__ == "__main__":
    command.main(fslr.measure, input_pipeline.measure, views.measure)
