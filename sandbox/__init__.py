"""Stand-ins for the demo and the tests: WhatsApp simulator, time-stamp authority. Never imported by the product."""
