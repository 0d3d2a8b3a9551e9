"""The pages of the approvals service: rendered here, in the reader's language, and usable without any script."""

from dfpt.approvals.pages.routes import router
from dfpt.approvals.pages.trouble import error_page

__all__ = ["error_page", "router"]
