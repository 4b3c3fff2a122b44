"""Live lifting: lines of JSON in, lines of JSON out, in bounded memory; docs/live.md tells the formats."""
