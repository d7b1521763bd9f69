"""The courier: sends messages, takes in statuses, carries stamps."""

from functools import partial

from config.settings import CourierSettings
from intake.codes import CodeMaker
from intake.links import LinkSigner
from notifications import codes, delivery, inbound
from notifications.composing import Tools
from notifications.timestamps import StampAuthority
from notifications.whatsapp.client import CloudApi
from portal.worker import delivering
from portal.worker.app.heartbeat import Stop, heartbeat
from portal.worker.engine import Engine, Round, Task
from records.challenges import CodeChallenge
from records.messages import InboundEvent, Message
from storage.database import Database
from storage.sealing.box import Box


def run(stop: Stop) -> None:
    """Send messages, take in statuses, carry stamps."""
    settings = CourierSettings.load()
    database = Database(settings.database_url)
    with CloudApi(settings.wa_graph_base) as api:
        delivery_tools = Tools(
            database=database,
            api=api,
            box=Box([settings.courier_box_key()]),
            token=LinkSigner(settings.link_keys()).token,
            code=CodeMaker(settings.code_key()).code,
        )
        authority = StampAuthority(settings.tsa_url, settings.tsa_root())
        stamping = delivering.Tools(database=database, authority=authority)
        Engine(
            "courier",
            database,
            jobs_url=settings.jobs_database_url,
            schema=settings.jobs_schema,
            worker=settings.worker_name,
            tasks=[
                Task(name="deliver", model=Message, run=partial(delivery.deliver, delivery_tools), concurrency=8),
                Task(name="code", model=CodeChallenge, run=partial(codes.queue_code, database), concurrency=4),
                Task(name="status", model=InboundEvent, run=partial(inbound.process, database), concurrency=8),
            ],
            rounds=[
                Round(name="stamp", every_s=0.5, run=partial(delivering.stamp_checkpoints, stamping)),
                heartbeat("courier", database, dict),
            ],
        ).run(stop)
