"""Stages: data sets prepared once per configuration and kept in the cache folder."""
