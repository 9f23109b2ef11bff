"""What `disparo instalar` writes, over nothing of anybody else's (`writing`): units, and the settings file.

`settings_file` writes that one, with every setting in it.
"""
