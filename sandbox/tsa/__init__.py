"""A time-stamp authority (RFC 3161) of this machine, for demo and tests only: its time proves nothing to others."""
