"""Stand-in for a mail relay and everybody's inbox: takes mail by SMTP on loopback, keeps it in memory, shows it."""
