"""The one way of calling a step, whoever calls it: a Kubeflow component, ``dfpt step``, DVC, a test."""

from dfpt.runtime.execution import component, execute, home_folder
from dfpt.runtime.revision import code_revision, git_revision

__all__ = ["code_revision", "component", "execute", "git_revision", "home_folder"]
