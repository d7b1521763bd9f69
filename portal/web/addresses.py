"""Parts of addresses: an id in a path is 32 lower-case hexadecimal digits, anything else is no address of ours."""

from flask import Flask
from werkzeug.routing import BaseConverter


class IdConverter(BaseConverter):
    """`<id:case_id>` in a rule."""

    regex = "[0-9a-f]{32}"


def install(app: Flask) -> None:
    """Teach the application the converter; before its blueprints."""
    app.url_map.converters["id"] = IdConverter
