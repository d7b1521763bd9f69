"""Plumbing shared by the web applications: headers, errors, guards, languages, health. Knows no page."""
