"""The command line: `app` loads the one command that is asked for; what people read is Portuguese."""
