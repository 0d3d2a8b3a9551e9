"""The one way of calling a step, whoever calls it: a Kubeflow component, ``dfpt step``, DVC, a test."""

import os

from dfpt.context import home_folder
from dfpt.runtime.execution import component, execute
from dfpt.runtime.revision import code_revision, git_revision

__all__ = ["code_revision", "component", "execute", "git_revision", "home_folder"]

# Idle OpenMP threads sleep instead of spinning: on a busy machine of few cores a training step is otherwise more than
# ten times slower. libgomp reads this once, when torch is loaded, so it is set before any step is.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
