"""Speed measured against the PyTorch originals, both sides alternating in one process.

python -m benchmarks            # everything
python -m benchmarks.fslr       # one system
"""
