"""What the benchmark measures, one file per subject; a function takes a `BenchConfig` and a `Progress`, gives a `Line`."""
