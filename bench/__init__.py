"""Measurements against peers, run by `make bench`: one run, interleaved, medians and ratios."""
