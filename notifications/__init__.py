"""Messages to people and systems: channels, delivery with retries, webhooks, CRM connectors."""
