"""Candidates, requests and promotion. No web, no torch: the approvals service is made of this."""
