"""What the platform does to accounts and numbers: quality, limits, restrictions, each with its webhook.

Source: webhook references phone_number_quality_update, business_capability_update and account_update, as of 2026-11.
"""

from datetime import timedelta

from sandbox.whatsapp.business import Account, Number
from sandbox.whatsapp.core import Core
from sandbox.whatsapp.deliveries import seconds

TIERS = {50: "TIER_50", 250: "TIER_250", 2000: "TIER_2K", 10_000: "TIER_10K", 100_000: "TIER_100K"}
UNLIMITED = "TIER_UNLIMITED"
FLAGGING = {"GREEN": "UNFLAGGED", "YELLOW": "UNFLAGGED", "RED": "FLAGGED"}


class Accounts:
    """The platform's hand on business accounts."""

    def __init__(self, core: Core) -> None:
        """Act on the businesses of `core`."""
        self._core = core

    def rate(self, number: Number, quality: str) -> None:
        """Give a number a quality: GREEN, YELLOW or RED. Raises ValueError."""
        if quality not in FLAGGING:
            raise ValueError(f"a quality is one of {sorted(FLAGGING)}")
        with self._core.world.lock:
            number.quality = quality
            self._tell_quality(number, FLAGGING[quality])

    def limit(self, account: Account, most: int) -> None:
        """Set how many unique customers a day the account may write to first (0: any). Raises ValueError."""
        if most and most not in TIERS:
            raise ValueError(f"a limit is 0 (none) or one of {sorted(TIERS)}")
        with self._core.world.lock:
            before, account.limit = account.limit, most or 10**9
            event = "UPGRADE" if account.limit > before else "DOWNGRADE"
            for number in account.numbers:
                self._tell_quality(number, event, before)
            numbers = "max_phone_numbers_per_business" if most == 250 else "max_phone_numbers_per_waba"
            value = {"max_daily_conversations_per_business": most or -1, numbers: 2 if most == 250 else 25}
            self._core.emit("business_capability_update", value, account=account)

    def restrict(self, account: Account, for_seconds: float) -> None:
        """Forbid the account to write for a time: sends are refused with 368."""
        with self._core.world.lock:
            account.restricted_until = self._core.clock.now() + timedelta(seconds=for_seconds)
            self._core.changed()
            info = {
                "restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING",
                "expiration": seconds(account.restricted_until),
            }
            value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": [info]}
            self._core.emit("account_update", value, account=account)

    def disable(self, account: Account, disabled: bool) -> None:
        """Ban the account (sends are refused with 131031), or reinstate it, restrictions lifted."""
        with self._core.world.lock:
            account.disabled = disabled
            if not disabled:
                account.restricted_until = None
            self._core.changed()
            date = self._core.clock.now().strftime("%B %-d, %Y")
            state = "DISABLE" if disabled else "REINSTATE"
            value = {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": state, "waba_ban_date": date}}
            self._core.emit("account_update", value, account=account)

    def set_status(self, number: Number, status: str) -> None:
        """Register a number (CONNECTED) or take that away: sends are refused with 133010."""
        with self._core.world.lock:
            number.status = status
            self._core.changed()

    def _tell_quality(self, number: Number, event: str, before: int = 0) -> None:
        account = self._core.businesses.account_of(number)
        tier = TIERS.get(account.limit, UNLIMITED)
        value = {
            "display_phone_number": number.digits,
            "event": event,
            "max_daily_conversations_per_business": tier,
        }
        if self._core.deliveries.knobs.old_shapes:
            value |= {"current_limit": tier} | ({"old_limit": TIERS.get(before, UNLIMITED)} if before else {})
        self._core.changed()
        self._core.emit("phone_number_quality_update", value, account=account)
