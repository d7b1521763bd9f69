"""Stand-in for an SMS service: takes one JSON body a message, keeps it in memory, shows it beside the mails."""
