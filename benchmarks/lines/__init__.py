"""What the benchmark measures, one file per subject: functions from a `BenchConfig` and a `Progress` to a `Line`."""
