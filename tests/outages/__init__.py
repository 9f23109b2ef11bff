"""The outage harness: two platforms, one of which suffers every kind of outage while calls go on."""
