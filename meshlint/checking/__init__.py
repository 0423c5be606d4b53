"""Is it wrong? Checks, problems, findings."""
