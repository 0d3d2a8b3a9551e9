"""The service's client for Python and the command line; a :class:`dfpt.registry.desk.Desk` over the network.

from dfpt.approvals.client import Client

with Client("https://approvals.example", token) as client:
    client.request("elpv", 3, "retrained on week 47")

It lies beside the registry, because the steps of a run use it too, and they know no service.
"""

from dfpt.registry.remote import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Client, ServiceRefused, from_environment

__all__ = ["TOKEN_FILE_VARIABLE", "TOKEN_VARIABLE", "Client", "ServiceRefused", "from_environment"]
