"""Documents drawn as PDF, from our own templates and nothing else."""
