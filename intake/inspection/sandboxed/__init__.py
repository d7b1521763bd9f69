"""What runs inside the sandbox: everything that parses hostile bytes. Imported outside only by tests of its rules."""
