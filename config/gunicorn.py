"""Settings of gunicorn that every web process shares: `gunicorn -c python:config.gunicorn "wsgi:customer()"`.

No access log (an address may hold a link's token; the portal writes its own request line), no control socket, heartbeat
files on tmpfs, errors as redacted JSON, a worker whose threads no slow client occupies. Workers, threads and the
address to bind come from the command line.
"""

accesslog = None
errorlog = "-"
control_socket_disable = True
worker_class = "portal.web.serving.PatientWorker"
worker_tmp_dir = "/dev/shm"  # noqa: S108 (heartbeats of the workers, no data; on disk they would block)
timeout = 60
graceful_timeout = 20
keepalive = 15
limit_request_line = 4094
limit_request_fields = 60
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logging.json_formatter", "process": "gunicorn"}},
    "handlers": {"json": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
    "root": {"level": "INFO", "handlers": ["json"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["json"], "propagate": False, "qualname": "gunicorn.error"},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False, "qualname": "gunicorn.access"},
    },
}
