"""`python -m disparo` is `disparo`."""

from disparo.cli.app import main

main()
