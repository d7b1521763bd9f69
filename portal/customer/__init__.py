"""The public portal: landing, checklist, uploads. It receives and seals; it can open nothing."""
