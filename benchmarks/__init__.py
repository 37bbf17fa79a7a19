"""Measurements of the recogniser and of the server, as commands: ``python -m benchmarks --help``."""
