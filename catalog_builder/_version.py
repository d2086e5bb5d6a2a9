"""The version of the package: the one place where it stands.

``pyproject.toml`` has hatchling read it from here, so that a wheel's metadata and the package
agree.
"""

__version__ = "0.2.0"
