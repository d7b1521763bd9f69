"""Inspection of one untrusted file: its type, its structure, its viruses. Knows no database, no key and no network."""
