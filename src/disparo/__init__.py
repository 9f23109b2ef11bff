"""Disparo: invoices by SMS, each handed to the platform exactly as often as it should be."""

__version__ = "0.1.0"
