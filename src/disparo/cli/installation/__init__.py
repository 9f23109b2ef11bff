"""What `disparo instalar` writes: the settings file with every setting in it, units, and who owns what."""
