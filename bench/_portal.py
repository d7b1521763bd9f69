"""The public portal of a benchmark, as gunicorn loads it: that of the tests, logging like production, one page more."""

from config.logging import configure_logging
from portal.web.application import PortalApp
from portal.web.guards import PUBLIC, guarded_by
from tests.portal.customer import site


def app() -> PortalApp:
    """Build the portal over the database and folder of the benchmark."""
    configure_logging("customer")
    made = site.app()
    made.add_url_rule("/trivial", view_func=_trivial)
    return made


@guarded_by(PUBLIC)
def _trivial() -> str:
    """The floor of a page: a form and nothing else."""
    return (
        '<!doctype html><html lang="es"><meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="data:,"><title>Subir</title>'
        "<main><h1>Sube tu documento</h1><p>Elige un archivo de tu teléfono.</p>"
        '<form method="post"><label>Archivo <input type="file" name="file"></label> <button>Enviar</button></form>'
        "</main></html>"
    )
