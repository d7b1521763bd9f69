"""The simulator as a whole: its parts, its start and its end."""

from sandbox.whatsapp.core import Core
from sandbox.whatsapp.customers import Customers
from sandbox.whatsapp.faults import Faults
from sandbox.whatsapp.reviews import Reviews
from sandbox.whatsapp.sending import Sending
from sandbox.whatsapp.settings import Settings


class Engine(Core):
    """A running simulator: the world plus what the business, the customers and the reviewers do in it."""

    def __init__(self, settings: Settings) -> None:
        """Build the world; `start()` sets it in motion."""
        super().__init__(settings)
        self.faults = Faults()
        self.sending = Sending(self)
        self.customers = Customers(self)
        self.reviews = Reviews(self)

    def start(self) -> None:
        """Load the state file, register the given templates as approved and start the clockwork."""
        if self.settings.state_file:
            self.world.load(self.settings.state_file)
        for payload in self.settings.templates:
            self.reviews.register(dict(payload), status="APPROVED")
        self.timeline.start()

    def stop(self) -> None:
        """Stop the clockwork and write the state file."""
        self.timeline.stop()
        self.deliveries.close()
        if self.settings.state_file:
            self.world.save(self.settings.state_file)
