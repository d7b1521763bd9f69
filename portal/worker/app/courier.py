"""The courier: sends messages, takes in statuses, tells CRMs, carries stamps, makes receipts."""

from functools import partial

from config.settings import CourierSettings
from intake.codes import CodeMaker
from intake.links import LinkSigner
from notifications import acknowledging, codes, delivery, reminding, renewing
from notifications.chatting.answering import answer
from notifications.chatting.forgetting import forget, forget_chats
from notifications.connectors.setting_up import SETTINGS
from notifications.connectors.telling import Connectors
from notifications.crm import delivering as crm
from notifications.crm.subscription import Tell
from notifications.crm.webhooks import Webhooks
from notifications.delivery.composing import Tools
from notifications.egress import Egress
from notifications.inbound import taking_in
from notifications.mail.client import Relay, Tls
from notifications.sms.client import SmsClient
from notifications.studio import submitting, syncing
from notifications.studio import tools as studio
from notifications.timestamps import StampAuthority
from notifications.whatsapp.client import CloudApi
from portal.worker import delivering, receipting, telling, tidying
from portal.worker.app.heartbeat import Stop, heartbeat
from portal.worker.engine import Engine, Round, Task
from records.challenges import CodeChallenge
from records.chats import ChatWindow
from records.crm.deliveries import CrmDelivery, sendable
from records.crm.subscribers import SubscriberKind
from records.interceptions import InterceptedFile
from records.messages import InboundEvent, Message
from records.notices import ReceivedNotice
from records.receipts.rows import Receipt
from records.reminders import ReminderPlan
from records.templates import MessageTemplate, TemplateAccount
from records.wishes import LinkWish
from storage.database import Database, utcnow
from storage.sealing.box import Box


def run(stop: Stop) -> None:
    """Send messages, take in statuses, tell CRMs, carry stamps, make receipts."""
    settings = CourierSettings.load()
    database = Database(settings.database_url)
    egress = Egress(private_allowed=settings.private_endpoints)
    with CloudApi(settings.wa_graph_base) as api, SmsClient() as sms:
        delivery_tools = Tools(
            database=database,
            api=api,
            box=Box([settings.courier_box_key()]),
            token=LinkSigner(settings.link_keys()).token,
            code=CodeMaker(settings.code_key()).code,
            relay=_relay(settings),
            sms=sms,
            public_url=settings.public_url,
            egress=egress,
        )
        crm_tools = crm.Tools(
            database=database,
            box=Box([settings.courier_box_key()]),
            ways=_ways(database, egress),
            staff_url=settings.staff_url,
        )
        authority = StampAuthority(settings.tsa_url, settings.tsa_root())
        stamping = delivering.Tools(database=database, authority=authority)
        receipts = receipting.Tools(
            database=database,
            hashes=Box(settings.hash_keys()),
            handover=Box([settings.receipt_key()]),
            checkpoint_key=settings.checkpoint_public(),
            tsa_root=settings.tsa_root(),
            public_url=settings.public_url,
        )
        Engine(
            "courier",
            database,
            jobs_url=settings.jobs_database_url,
            schema=settings.jobs_schema,
            worker=settings.worker_name,
            tasks=[
                Task(name="deliver", model=Message, run=partial(delivery.deliver, delivery_tools), concurrency=8),
                Task(name="code", model=CodeChallenge, run=partial(codes.queue_code, database), concurrency=4),
                Task(name="renew", model=LinkWish, run=partial(renewing.renew_link, database), concurrency=2),
                Task(name="remind", model=ReminderPlan, run=partial(reminding.remind, database), concurrency=2),
                Task(name="notice", model=ReceivedNotice, run=partial(acknowledging.thank, database), concurrency=2),
                Task(name="status", model=InboundEvent, run=partial(taking_in.process, database), concurrency=8),
                Task(name="answer", model=ChatWindow, run=partial(answer, delivery_tools), concurrency=4),
                Task(name="forget", model=InterceptedFile, run=partial(forget, delivery_tools), concurrency=2),
                Task(
                    name="crm",
                    model=CrmDelivery,
                    run=partial(crm.deliver_on, crm_tools),
                    concurrency=8,
                    condition=lambda: sendable(utcnow()),
                ),
                *_templates(delivery_tools),
                Task(
                    name="receipt",
                    model=Receipt,
                    run=partial(receipting.make, receipts),
                    concurrency=1,
                    condition=receipting.can_go_on,
                ),
            ],
            rounds=[
                Round(name="events", every_s=0.5, run=partial(telling.derive_events, database)),
                Round(name="stamp", every_s=0.5, run=partial(delivering.stamp_checkpoints, stamping)),
                Round(name="receipts", every_s=60, run=partial(receipting.drop_pdfs, receipts)),
                Round(name="chats", every_s=300, run=partial(forget_chats, database)),
                Round(name="forget", every_s=600, run=partial(tidying.forget, database)),
                heartbeat("courier", database, partial(tidying.words, database)),
            ],
        ).run(stop)


def _ways(database: Database, egress: Egress) -> dict[SubscriberKind, Tell]:
    connectors = Connectors(database=database, egress=egress)
    return {SubscriberKind.WEBHOOK: Webhooks(egress), **dict.fromkeys(SETTINGS, connectors)}


def _templates(tools: Tools) -> list[Task]:
    """Return the tasks of the template studio, which talk to the same accounts as delivery."""
    theirs = studio.Tools(database=tools.database, api=tools.api, box=tools.box, public_url=tools.public_url)
    return [
        Task(name="template", model=MessageTemplate, run=partial(submitting.submit, theirs), concurrency=2),
        Task(name="templates", model=TemplateAccount, run=partial(syncing.sync, theirs), concurrency=2),
    ]


def _relay(settings: CourierSettings) -> Relay | None:
    if not settings.smtp_host:
        return None
    return Relay(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=Tls(settings.smtp_tls),
        user=settings.smtp_user,
        password=settings.smtp_password(),
        ca_file=settings.smtp_ca_file,
    )
