"""Connectors: what each CRM is told in its own words, behind one protocol."""
