"""What a channel's webhook brings: stored by the gateway before its 200, taken in later by the courier, once."""
