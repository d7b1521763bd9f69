"""Run the whole product on one machine: keys, database, demo company, every process under supervisor, health.

`python -m sandbox.launch` is `make run`; `Stack` is the same thing for tests, in a folder and on ports of their own.
"""

from sandbox.launch.errors import LaunchRefused
from sandbox.launch.stack import Stack

__all__ = ["LaunchRefused", "Stack"]
