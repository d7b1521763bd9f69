"""Mail: a relay reached by SMTP, and the words of what we write."""
