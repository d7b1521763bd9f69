"""`python -m portal.cli COMMAND`: the administration commands."""

from portal.cli.app import cli

if __name__ == "__main__":
    cli(prog_name="python -m portal.cli")
