"""The simulator as a whole: its parts, its start and its end."""

from sandbox.whatsapp.accounts import Accounts
from sandbox.whatsapp.core import Core
from sandbox.whatsapp.customers import Customers
from sandbox.whatsapp.faults import Faults
from sandbox.whatsapp.reviews import Reviews
from sandbox.whatsapp.sending import Sending
from sandbox.whatsapp.settings import Settings
from sandbox.whatsapp.statuses import Statuses


class Engine(Core):
    """A running simulator: the world plus what businesses, customers and reviewers do in it."""

    def __init__(self, settings: Settings) -> None:
        """Build the world; `start()` sets it in motion."""
        super().__init__(settings)
        self.faults = Faults()
        self.statuses = Statuses(self)
        self.sending = Sending(self, self.statuses)
        self.customers = Customers(self)
        self.reviews = Reviews(self)
        self.accounts = Accounts(self)

    def start(self) -> None:
        """Load the state file, let what was on its way go on, and start the clockwork."""
        if self.settings.state_file:
            first = self.settings.accounts[0]
            number_id = first.numbers[0].phone_number_id
            self.world.load(self.settings.state_file, waba_id=first.waba_id, number_id=number_id)
        for message in list(self.world.messages.values()):
            if message.from_business and message.status in {"accepted", "sent"} and not message.held:
                self.statuses.climb(message, self.world.phone(message.wa_id))
        self._approve_templates()
        self.timeline.start()

    def reset(self) -> None:
        """Forget chats, customers, templates, faults, knobs, rules and what befell the businesses; approve anew."""
        with self.world.lock:
            self.timeline.clear()
            self.world.clear()
            self.deliveries.reset()
            self.faults.clear()
            self.businesses.reset()
            self.sending.reset()
            self._approve_templates()

    def stop(self) -> None:
        """Stop the clockwork and write the state file."""
        self.timeline.stop()
        self.deliveries.close()
        if self.settings.state_file:
            self.world.save(self.settings.state_file)

    def _approve_templates(self) -> None:
        for account in self.businesses.accounts.values():
            for payload in self.settings.templates:
                self.reviews.register(account, dict(payload), status="APPROVED")
