"""What CRMs are told: events derived from the audit trail, who subscribes to them, and one delivery for each."""
