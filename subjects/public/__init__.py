"""What machines outside the office may reach: signed, and nothing else."""
