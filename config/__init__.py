"""What each process is told from outside: settings, secrets, logs. The lowest layer; it imports no other."""
