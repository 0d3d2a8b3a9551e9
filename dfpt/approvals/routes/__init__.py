"""What is no page and no API: coming in, going out, and probes."""
