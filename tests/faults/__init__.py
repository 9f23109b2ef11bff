"""The fault harness: real processes, real faults, and a reconciliation with the platform's own log."""
