"""dfpt: distil a large vision model into a small one that runs on an edge device."""

__version__ = "0.1.0"
