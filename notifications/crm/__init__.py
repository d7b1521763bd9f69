"""Telling CRMs: one event at a time to each subscriber, by webhook or through a connector."""
