"""SMS: the second way to a phone, through whichever service the company uses."""
