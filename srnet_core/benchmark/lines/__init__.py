"""Lines of the bench, one file each.

A line's file has `TITLE` and `measure(config: BenchConfig, progress: Progress) -> Line`.
"""
