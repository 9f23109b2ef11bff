"""What `disparo doctor` looks at; each look gives findings and changes nothing."""
