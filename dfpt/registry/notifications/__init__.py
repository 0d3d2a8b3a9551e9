"""Telling people what happened: an outbox beside the audit log, and the channels that carry it out."""
