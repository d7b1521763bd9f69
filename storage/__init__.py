"""Bytes and rows: sealing, keys, blobs and the database. Knows no document and no person."""
