"""The benchmarks: commands that leave their raw results behind, and compute every summary from those."""
