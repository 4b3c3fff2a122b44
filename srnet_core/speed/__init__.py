"""How fast this machine trains, lifts and streams: what `srnet bench` measures, and the clock of all benchmarks."""
