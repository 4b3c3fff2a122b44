"""Benchmarks of srnet: time, memory and cost beside yardsticks; run `python -m benchmarks` in the source folder.

`lines/` holds what is measured, one file per subject; `bench.LINES` names the lines. `gpu`, `results`,
`published.parity` and `published.subset` are programs of their own, also run with `python -m`. Nothing here is part of
the installed package.
"""
