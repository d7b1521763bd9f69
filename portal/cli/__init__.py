"""Administration commands for the machine's operator: `python -m portal.cli COMMAND`."""
