"""The courier's side of the template studio: submits what is wished for, reads what the platform made of it."""
