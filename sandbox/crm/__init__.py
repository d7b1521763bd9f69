"""Stand-ins of CRMs on loopback: as strict as their documentation says, with faults on order."""
