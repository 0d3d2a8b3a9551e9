"""A fake of Kubeflow Pipelines, held to its published API: a plugin for the modules that name it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_kfp.server import FakePipelines, running


@pytest.fixture
def kubeflow() -> Iterator[FakePipelines]:
    """The fake, whose published API nothing may have violated when the test ends well."""
    with running() as fake:
        yield fake
        assert fake.violations == []
