"""Dragoman: a self-hosted speech-to-text server that speaks several vendors' APIs."""

__version__ = "0.1.0.dev0"
