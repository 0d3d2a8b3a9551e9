"""The services' logs: one JSON object a line on standard error, with the run it is about.

What libraries log through the standard library comes out in the same form.
"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import structlog

    Logger = structlog.stdlib.BoundLogger


def configure(service: str, stream: TextIO | None = None) -> Logger:
    """Give this process its log; return the logger of ``service``."""
    import structlog

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    for loud in ("alembic", "apscheduler", "sqlalchemy", "httpx"):
        logging.getLogger(loud).setLevel(logging.WARNING)
    return get(service)


def get(service: str) -> Logger:
    """The logger of ``service``."""
    import structlog

    logger: Logger = structlog.get_logger(f"dfpt.{service}")
    return logger


def about(**context: Any) -> AbstractContextManager[Any]:
    """Within this, every line carries ``context``, such as ``run_id``."""
    import structlog

    return structlog.contextvars.bound_contextvars(**context)
