"""What a page shows, as plain data made from the registry's rows and the evidence: no language, no HTML."""
