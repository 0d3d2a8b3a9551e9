"""The service as a process: uvicorn, one worker, because limits and turns are in memory."""

from __future__ import annotations

import logging
from contextlib import suppress

import uvicorn

from dfpt.approvals.app import create_app
from dfpt.approvals.settings import Settings


def serve(settings: Settings) -> None:
    """Answer until a signal ends it; what is being decided is finished first."""
    app = create_app(settings)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("dfpt").setLevel(logging.INFO)
    with suppress(KeyboardInterrupt):
        uvicorn.run(
            app,
            host=settings.host.strip("[]"),
            port=settings.port,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            server_header=False,
            access_log=False,  # addresses of one-time links would be in it; who did what is in the audit log
            log_level="warning",
            ws="none",
        )
