"""Ready-made settings as TOML files, for `--config NAME`."""
