"""The console of executives, supervisors, compliance officers, administrators and auditors, behind a sign-in."""
