"""WhatsApp: the Cloud API client, its error table, the webhook reader and the library of neutral templates."""
