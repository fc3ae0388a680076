"""docbot answers a project's help forums on Discord from its documentation."""

from importlib.metadata import version

__version__ = version("docbot")
