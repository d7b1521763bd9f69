"""What runs without a browser: inspector, courier, custodian and opener, each with its own keys only."""
