"""Looks at the links of messages as the platform's own robots do, so that a link that works only once is found out."""

import httpx

AGENTS = ("facebookexternalhit/1.1", "WhatsApp/2.26.40.77 A")


def preview(url: str) -> list[int]:
    """Fetch an address as each robot does, HEAD and GET, redirects followed; return the statuses (0: no answer)."""
    seen = []
    with httpx.Client(timeout=5, trust_env=False, follow_redirects=True) as client:
        for agent in AGENTS:
            for method in ("HEAD", "GET"):
                try:
                    seen.append(client.request(method, url, headers={"user-agent": agent}).status_code)
                except (httpx.HTTPError, httpx.InvalidURL):
                    seen.append(0)
    return seen
