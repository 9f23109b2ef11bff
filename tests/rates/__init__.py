"""The rate harness: a platform's limits over several workers, judged by the platform's own log."""
