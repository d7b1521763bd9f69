"""What people, CRMs and job queues touch: three web applications, the workers and the command line."""
