"""django-helpdesk, somebody else's ticket system, as a CRM on loopback.

It runs in an environment of its own (`.venv-helpdesk`, made by `make install-test`) and never in the product's:
`.venv-helpdesk/bin/python -m sandbox.helpdesk --dir FOLDER --port PORT`.
"""
