"""The three WSGI applications, each made by a factory: `gunicorn "wsgi:customer()"`, gateway, staff."""

from flask import Flask


def customer() -> Flask:
    """Return the public portal."""
    from portal.customer.app import customer as make

    return make()


def gateway() -> Flask:
    """Return the REST API and the webhooks."""
    from portal.gateway.app import gateway as make

    return make()


def staff() -> Flask:
    """Return the console."""
    from portal.staff.app import staff as make

    return make()
