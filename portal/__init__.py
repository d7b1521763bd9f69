"""What people, CRMs and job queues touch: three web applications, the workers and the command line."""

import records.tables  # noqa: F401 (whoever maps one table must know those that it refers to)
