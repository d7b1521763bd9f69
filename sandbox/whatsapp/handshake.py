"""The handshake before webhooks go to an address: it must return the challenge for its verify token."""

import hmac

import httpx


def shake_hands(url: str, verify_token: str, number: int) -> bool:
    """Tell whether the address answers the challenge (made from `number`) with 200 and exactly those digits."""
    challenge = str(1_158_201_444 + number % 10**9)
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    try:
        answer = httpx.get(url, params=query, timeout=10, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code == 200 and hmac.compare_digest(answer.content, challenge.encode())
