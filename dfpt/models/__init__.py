"""Backbones by name, all as ``stem``, ``stages[0..N-1]``, ``head``."""

from dfpt.models.backbone import Backbone
from dfpt.models.registry import create, names, normalisation
from dfpt.models.saved import ModelSpec, load, save

__all__ = ["Backbone", "ModelSpec", "create", "load", "names", "normalisation", "save"]
