"""Encryption of documents (age v1, detached header), small secrets and signatures; knows no document and no person."""
