"""The approvals service, the web shell over :mod:`dfpt.registry`: who is asking, and no rule about models."""
