"""Measurements: every figure a ratio in one run, medians of alternating pairs.

Each module is a program, `python -m benchmarks.NAME`, that prints a table and, with
`--results FILE`, appends its rows to FILE as JSON lines; `benchmarks.all` runs them in turn.
"""
