"""Signed links, resumable uploads sealed at once, inspection and filing: how a file gets from a phone to the vault."""
