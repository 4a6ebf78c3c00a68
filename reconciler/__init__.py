"""A Docker host, kept as git says it should be."""

__version__ = "0.1.0"
