"""The service as a process: uvicorn, one worker, because limits and turns are in memory."""

from __future__ import annotations

import logging
from contextlib import suppress

import uvicorn

from dfpt import logs
from dfpt.approvals.settings import Settings


def serve(settings: Settings) -> None:
    """Answer until a signal ends it; what is being decided is finished first."""
    logs.configure("approvals")
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("dfpt").setLevel(logging.INFO)
    from dfpt.approvals.app import create_app  # now, because what libraries warn of as they are imported is logged too

    app = create_app(settings)
    with suppress(KeyboardInterrupt):
        uvicorn.run(
            app,
            host=settings.host.strip("[]"),
            port=settings.port,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            server_header=False,
            access_log=False,  # addresses of one-time links would be in it; who did what is in the audit log
            log_config=None,
            log_level="warning",
            ws="none",
        )
