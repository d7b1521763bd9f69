"""A stand-in for the WhatsApp Cloud API, with a phone screen in the browser. For the demo and the tests only.

Built from the platform's documentation, not from our client, so that it can prove the client wrong.
"""
