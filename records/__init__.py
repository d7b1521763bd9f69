"""The case file and its rules: who may do what, and how a document moves from received to filed to reviewed."""
