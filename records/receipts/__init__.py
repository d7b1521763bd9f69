"""Receipts (acuses): what a customer holds in the hand to prove which bytes were received and filed, and when.

A receipt tells hashes, and a hash of an ID outlives the ID's erasure. So hashes lie in rows that can be erased, sealed
under a key that only inspector and courier hold (`entries.py`), and a finished receipt is sealed under its own secret,
which is stored nowhere once the receipt is made (`rows.py`): only who holds the receipt can show it to us.
"""
