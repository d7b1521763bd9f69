"""Organization root keys, which seal the private key of every case: local files or AWS KMS behind one protocol."""
