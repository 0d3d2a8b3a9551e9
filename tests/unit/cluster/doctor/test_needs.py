"""Secrets, claims and the image, as the doctor finds them."""

from __future__ import annotations

from typing import Any

from dfpt.cluster.config import Cluster
from tests.fake_kubernetes.objects import a, claim
from tests.fake_kubernetes.server import FakeKubernetes

pytest_plugins = ("tests.fake_kubernetes.healthy",)


def test_a_secret_without_a_key_is_not_there(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.drop("Secret", "webhook")
    healthy.state.put(a("Secret", "webhook", data={"DFPT_NOTIFY_URL": "eA=="}))
    assert look()["secret webhook"].found == "without DFPT_NOTIFY_KEY"


def test_a_home_of_one_node_and_a_lost_claim(healthy: FakeKubernetes, look: Any) -> None:
    for thing, said in (
        (claim("checkpoints", "ReadWriteOnce"), "several nodes"),
        (claim("checkpoints", phase="Lost"), "lost"),
    ):
        healthy.state.drop("PersistentVolumeClaim", "checkpoints")
        healthy.state.put(thing)
        assert said in look()["claim checkpoints"].found


def test_an_image_without_digest_and_one_that_cannot_be_pulled(
    healthy: FakeKubernetes, look: Any, cluster: Cluster
) -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    status = {"name": "main", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": waiting}
    spec = {"containers": [{"name": "main", "image": "x"}]}
    healthy.state.put(a("Pod", "retraining-x7k2p", spec=spec, status={"containerStatuses": [status]}))
    found = look(cluster.model_copy(update={"image": "dfpt:1.0"}))
    assert not found["image"].ok
    assert found["image registry"].found == "retraining-x7k2p: ImagePullBackOff"
