"""What `disparo doctor` looks at; each look gives findings (`finding`) and changes nothing.

`database`, `network` (ways out and in), `files`, `readers` (what the service may read), `clock`.
"""
