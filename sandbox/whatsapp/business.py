"""The business side while the simulator runs: accounts and numbers with the state that webhooks tell of."""

from dataclasses import dataclass, field
from datetime import datetime

from sandbox.whatsapp import settings
from sandbox.whatsapp.problems import GraphError, unknown_object


@dataclass(slots=True, kw_only=True)
class Route:
    """Where webhooks go and what signs them; empty: as the run (or the account) says."""

    url: str = ""
    secret: str = field(default="", repr=False)


@dataclass(slots=True, kw_only=True)
class Number:
    """A business number."""

    id: str
    display: str
    name: str
    country_code: str
    api_key: str = field(default="", repr=False)
    status: str = "CONNECTED"
    """CONNECTED; anything else refuses to send (133010)."""
    quality: str = "GREEN"
    identity_check: bool = False
    """Whether the identity of customers is told and a pinned one compared (`user_identity_change`)."""
    override: str = ""
    """An address of its own for the webhooks of its messages."""

    @property
    def digits(self) -> str:
        """The number as webhooks write it."""
        return "".join(digit for digit in self.display if digit.isdigit())


@dataclass(slots=True, kw_only=True)
class Account:
    """A business account with its numbers."""

    id: str
    name: str
    tokens: tuple[str, ...] = field(repr=False)
    numbers: list[Number]
    route: Route
    override: str = ""
    """Another address for the webhooks of its messages; that of a number goes before it."""
    subscribed: bool = True
    limit: int = 250
    """Unique customers a day that may be written to first."""
    restricted_until: datetime | None = None
    disabled: bool = False
    created: list[datetime] = field(default_factory=list)
    """When templates were submitted, for the limit per hour."""


class Businesses:
    """Every account of the run, found by its own id or by that of a number."""

    def __init__(self, told: tuple[settings.Account, ...]) -> None:
        """Build what the settings tell. Raises ValueError when two of them share an id."""
        self._told = told
        self.reset()
        if len(self.accounts) != len(told) or len(self._of_number) != sum(len(one.numbers) for one in told):
            raise ValueError("two accounts or two numbers have the same id")

    def reset(self) -> None:
        """Make everything as the settings tell it."""
        self.accounts = {one.waba_id: _account(one) for one in self._told}
        self._of_number = {number.id: account for account in self.accounts.values() for number in account.numbers}

    @property
    def numbers(self) -> list[Number]:
        """Every number, in the order of the settings."""
        return [number for account in self.accounts.values() for number in account.numbers]

    def account(self, untrusted_id: str) -> Account:
        """Return an account. Raises GraphError 100/33."""
        if (account := self.accounts.get(untrusted_id)) is None:
            raise unknown_object(untrusted_id)
        return account

    def account_of(self, number: Number) -> Account:
        """Return the account that a number belongs to."""
        return self._of_number[number.id]

    def find_number(self, untrusted_id: str) -> Number | None:
        """Return a number, if there is one with this id."""
        return next((number for number in self.numbers if number.id == untrusted_id), None)

    def number(self, untrusted_id: str) -> Number:
        """Return a number. Raises GraphError 100/33."""
        if (number := self.find_number(untrusted_id)) is None:
            raise unknown_object(untrusted_id)
        return number

    def holds(self, account: Account, token: str) -> bool:
        """Tell whether a bearer token may act for an account. One without tokens takes any but the others' own."""
        if account.tokens:
            return token in account.tokens
        return not any(token in other.tokens for other in self.accounts.values())

    def by_api_key(self, untrusted_key: str) -> Number:
        """Return the number that a 360dialog key stands for. Raises GraphError 401."""
        found = next((number for number in self.numbers if number.api_key and number.api_key == untrusted_key), None)
        if found is None:
            raise GraphError(190, "Invalid api key", status=401)
        return found


def _account(told: settings.Account) -> Account:
    name = told.name or told.waba_id
    numbers = [
        Number(
            id=number.phone_number_id,
            display=number.display_phone_number,
            name=number.verified_name or name,
            country_code=number.country_code,
            api_key=number.api_key,
        )
        for number in told.numbers
    ]
    route = Route(url=told.webhook_url, secret=told.app_secret)
    return Account(id=told.waba_id, name=name, tokens=told.tokens, numbers=numbers, route=route)
