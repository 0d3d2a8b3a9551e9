from __future__ import annotations

from pathlib import Path

import pytest

from dfpt.cluster.config import Cluster
from dfpt.config import STEP_CONFIGS, Config, resolve
from dfpt.errors import UsageError
from dfpt.runtime.revision import _SHELLS

PARAMS = Path(__file__).parents[3] / "params.yaml"


def resolved(*assignments: str) -> Config:
    return resolve(PARAMS, None, assignments, {})


def test_a_step_has_its_own_settings_and_the_default_where_it_says_nothing() -> None:
    cluster = Cluster.model_validate(
        {"resources": {"default": {"cpu": 2, "memory": "4Gi", "retries": 2}, "distil": {"memory": "8Gi", "retries": 0}}}
    )
    assert (cluster.of("distil").cpu, cluster.of("distil").memory, cluster.of("distil").retries) == ("2", "8Gi", 0)
    assert (cluster.of("validate").memory, cluster.of("validate").retries) == ("4Gi", 2)


def test_no_step_reads_the_cluster_section_nor_does_its_code_count_as_a_results() -> None:
    assert not [step for step, section in STEP_CONFIGS.items() if "cluster" in section.model_fields]
    assert "cluster" in _SHELLS


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("cluster.resources.prepare.accelerator={count: 1}", "this step cannot use one; only train-teacher"),
        ("cluster.resources.default.accelerator={count: 1}", "this step cannot use one"),
        ("cluster.resources.gate.num_nodes=2", "this step runs in one process"),
        ("cluster.resources.distill.cpu=2", "did you mean 'distil'?"),
        ("cluster.resources.distil.cpu=two", "cpu"),
        ("cluster.resources.distil.memory=8 GB", "memory"),
        ("cluster.resources.distil.tolerations=[{key: gpu}]", "operator equal needs a value"),
        ("cluster.secrets={dfpt: {keys: [lower-case]}}", "secrets"),
        ("cluster.secrets={dfpt: {keys: [DFPT_AUDIT_KEY]}}", "belongs to the approvals service alone"),
        ("cluster.secrets={dfpt: {keys: [A, DFPT_REGISTRY_URL]}}", "belongs to the approvals service alone"),
        ("cluster.secrets={dfpt: {keys: [A], steps: [distill]}}", "did you mean 'distil'?"),
        ("cluster.resources.distil.num_nodes=2", "home must name a claim"),
        ("cluster.namespace=Not_A_Name", "namespace"),
    ],
)
def test_what_a_cluster_cannot_give_is_refused_when_it_is_read(assignment: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(assignment)
    assert said in str(caught.value)


def test_an_unknown_key_of_a_step_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="acelerator") as caught:
        resolved("cluster.resources.distil.acelerator={count: 1}")
    assert "'accelerator'" in caught.value.remedy
