"""The gateway: REST API for CRMs and the webhooks of channels. Holds no document key."""
