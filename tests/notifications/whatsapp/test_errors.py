"""Every documented code has the disposition that the platform's documentation asks for."""

from datetime import timedelta

import pytest

from notifications.whatsapp.errors import MAX_TRIES, RULES, ApiError, Disposition, Rule, backoff

TABLE = {
    Disposition.PAUSE_SENDER: [
        190,
        0,
        3,
        10,
        *range(200, 300),
        131005,
        368,
        131031,
        130497,
        133010,
        131045,
        131037,
        131042,
    ],
    Disposition.THROTTLE_SENDER: [4, 80007, 130429],
    Disposition.PAUSE_RECIPIENT: [131056],
    Disposition.PAUSE_INITIATED: [131048, 131064],
    Disposition.RETRY_LATER: [1, 2, 131000, 131016, 131057, 133004, 131053],
    Disposition.UNDELIVERABLE: [131026, 131021, 130403, 131062],
    Disposition.RESEND_AS_TEMPLATE: [131047],
    Disposition.FALLBACK: [131049, 130472],
    Disposition.SUPPRESS: [131050],
    Disposition.BUG: [132000, 132012, 132018, 131008, 131009, 100],
    Disposition.HOLD_TEMPLATE: [132001, 132007, 132015, 132016],
    Disposition.SHORTEN: [132005],
    Disposition.REVERIFY: [137000],
    Disposition.INBOUND_UNREADABLE: [131051, 131052],
}
ROWS = [(code, disposition) for disposition, codes in TABLE.items() for code in codes]


@pytest.mark.parametrize(("code", "disposition"), ROWS)
def test_a_documented_code_has_its_disposition(code: int, disposition: Disposition) -> None:
    assert ApiError(code=code).disposition is disposition


def test_no_row_of_the_table_is_untested() -> None:
    assert set(RULES) == {code for code, _ in ROWS}
    assert set(TABLE) == set(Disposition)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, None])
def test_the_http_status_never_changes_a_known_code(status: int | None) -> None:
    assert ApiError(code=131026, http_status=status).disposition is Disposition.UNDELIVERABLE
    assert ApiError(code=132000, http_status=status).disposition is Disposition.BUG


def test_an_unknown_code_is_never_repeated() -> None:
    rule = ApiError(code=999_999, http_status=400).rule
    assert rule == Rule(disposition=Disposition.BUG, page_admin=True)
    assert not rule.same_message_again


def test_what_the_platform_calls_transient_is_repeated() -> None:
    assert ApiError(code=999_999, is_transient=True).disposition is Disposition.RETRY_LATER
    assert ApiError(code=100, is_transient=True).disposition is Disposition.RETRY_LATER


def test_transient_does_not_lift_a_pause() -> None:
    assert ApiError(code=190, is_transient=True).disposition is Disposition.PAUSE_SENDER


def test_an_answer_without_envelope_is_repeated_only_when_the_server_failed() -> None:
    assert ApiError(code=None, http_status=502).disposition is Disposition.RETRY_LATER
    assert ApiError(code=None, http_status=404).disposition is Disposition.BUG


def test_who_will_not_get_it_here_gets_it_elsewhere() -> None:
    fallback = {code for code, rule in RULES.items() if rule.use_fallback}
    assert fallback == {368, 131031, 130497, 131048, 131064, 131026, 131021, 130403, 131062, 131049, 130472, 131050}


def test_backoff_grows_fourfold_and_ends() -> None:
    waits = [backoff(failures) for failures in range(1, MAX_TRIES)]
    assert waits == [timedelta(seconds=s) for s in (1, 4, 16, 64)]
    assert backoff(MAX_TRIES) is None


def test_backoff_is_never_shorter_than_the_platform_asked() -> None:
    assert backoff(1, retry_after=timedelta(seconds=90)) == timedelta(seconds=90)
    assert backoff(4, retry_after=timedelta(seconds=1)) == timedelta(seconds=64)


def test_jitter_only_stretches() -> None:
    assert backoff(2, jitter=0.99) == timedelta(seconds=4 * 1.495)
    with pytest.raises(ValueError):
        backoff(0)
