"""Cached stages: prepared once per configuration, then only read."""
