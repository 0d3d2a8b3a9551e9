from __future__ import annotations

from pathlib import Path

import pytest

from dfpt.approvals import settings
from dfpt.errors import UsageError


def test_without_any_setting_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    found = settings.load(tmp_path, {"PATH": "/bin", "DFPT_HOME": "elsewhere"})

    assert (found.host, found.url, found.https) == ("127.0.0.1", "http://127.0.0.1:8080", False)
    assert found.hosts == {"127.0.0.1", "localhost", "[::1]"}


def test_the_environment_sets_it_and_an_option_goes_before(tmp_path: Path) -> None:
    environment = {
        "DFPT_SERVICE_HOST": "0.0.0.0",
        "DFPT_SERVICE_PORT": "9000",
        "DFPT_SERVICE_PUBLIC_URL": "https://approvals.example/",
        "DFPT_SERVICE_ALLOWED_HOSTS": "one.example, two.example",
        "DFPT_SERVICE_OIDC_ISSUER": "https://id.example",
        "DFPT_SERVICE_OIDC_CLIENT_ID": "dfpt",
    }
    found = settings.load(tmp_path, environment, port=9001, host=None)

    assert (found.host, found.port, found.url, found.https) == ("0.0.0.0", 9001, "https://approvals.example", True)
    assert found.hosts >= {"one.example", "two.example", "approvals.example", "localhost"}
    assert found.oidc is not None
    assert found.oidc.metadata_url == "https://id.example/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DFPT_SERVICE_PROT": "9000"}, "Did you mean 'port'"),
        ({"DFPT_SERVICE_PORT": "many"}, "port = 'many' is not valid"),
        ({"DFPT_SERVICE_HOST": "0.0.0.0"}, "needs public_url"),  # or its own pages would be refused
        ({"DFPT_SERVICE_OIDC_ISSUER": "http://id.example", "DFPT_SERVICE_OIDC_CLIENT_ID": "x"}, "https"),
        ({"DFPT_SERVICE_OIDC_ISSUER": "https://id.example"}, "oidc.client_id"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        settings.load(tmp_path, environment)
