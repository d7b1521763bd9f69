"""The record of a case as a bag that anyone can verify: gathered from rows, streamed as a ZIP, stored nowhere."""
