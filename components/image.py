"""The image that every component runs in; components/Containerfile builds it. Its tag is the package's version."""

from dfpt import __version__

IMAGE = f"dfpt-python:{__version__}"
