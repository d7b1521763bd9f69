"""What keeps the stack from starting, said in one line that tells what to do."""


class LaunchRefused(Exception):
    """The stack does not start. The text is one line for the person at the terminal."""

    code = "launch_refused"
