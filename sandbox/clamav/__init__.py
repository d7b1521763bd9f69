"""A clamd that needs no network: its configuration, our few signatures, and the official ones where freshclam works.

`portal.ndb` and `portal.hsb` know the EICAR test file, the ClamAV test file and a marker that makes any file infected:
enough to see the inspection work, no protection by themselves.
"""

from intake.inspection.spool import UnsafeSpool, require_memory_spool
from sandbox.clamav.daemon import configuration, official_databases, prepare

__all__ = ["UnsafeSpool", "configuration", "official_databases", "prepare", "require_memory_spool"]
