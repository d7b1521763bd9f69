"""One installation as values: its folders, its addresses, where its rows and blobs are."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url

from sandbox.launch.layout import Layout

DEFAULT_PORT_BASE = 8700
PORTS = ("customer", "gateway", "staff", "whatsapp", "tsa", "mail", "smtp", "crm")
"""What listens, in the order of its ports above the base."""
JOB_ROLES = ("inspector", "courier", "custodian")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every program's settings are made from."""

    layout: Layout
    port_base: int = DEFAULT_PORT_BASE
    database_url: str
    blobs: str
    storage_settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings (S3_ENDPOINT, S3_KEY_ID, S3_SECRET_FILE ...) of whoever reaches the blobs."""

    def port(self, name: str) -> int:
        """Return the port of a program that listens."""
        return self.port_base + 1 + PORTS.index(name)

    @property
    def urls(self) -> dict[str, str]:
        """Return where each application is reached from this machine, without a slash at the end."""
        hosts = {"customer": "portal", "gateway": "api", "staff": "staff", "whatsapp": "phone", "mail": "mail"}
        hosts["crm"] = "crm"
        urls = {name: f"http://{host}.localhost:{self.port(name)}" for name, host in hosts.items()}
        return urls | {"tsa": f"http://127.0.0.1:{self.port('tsa')}"}

    @property
    def message_templates(self) -> Path:
        """Return the file of the message templates that the simulator has approved from the start."""
        return self.layout.run / "whatsapp-templates.json"

    @property
    def embedded(self) -> bool:
        """Whether the rows are in SQLite, which knows no logins."""
        return self.database_url.startswith("sqlite")

    def login(self, role: str) -> str:
        """Return the name under which a role signs in to PostgreSQL: another one for each installation."""
        return f"resguardo_{role}_{hashlib.sha256(str(self.layout.root).encode()).hexdigest()[:8]}"

    def url_for(self, role: str) -> str:
        """Return the database as a role reaches it; `database_url` itself is the owner's."""
        if self.embedded:
            return self.database_url
        url = make_url(self.database_url).set(username=self.login(role))
        url = url.update_query_dict({"passfile": str(self.layout.password_file(role))})
        return url.render_as_string(hide_password=False)

    def jobs_url(self, role: str) -> str:
        """Return the database of a role's job engine: a file of its own, or a schema of the PostgreSQL database."""
        return self._jobs_file(role) if self.embedded else self.url_for(role)

    def jobs_databases(self) -> dict[str, str]:
        """Return the job engine's schemas and their databases, as the owner reaches them."""
        return {f"jobs_{role}": self._jobs_file(role) if self.embedded else self.database_url for role in JOB_ROLES}

    def _jobs_file(self, role: str) -> str:
        return f"sqlite:///{self.layout.jobs}/{role}/jobs.db"
