"""The REST API, ``/api/v1``: :mod:`dfpt.registry` as JSON. Its document is ``/api/v1/openapi.json``."""
