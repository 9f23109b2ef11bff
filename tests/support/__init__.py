"""What several suites share: rows, processes, stand-ins."""
