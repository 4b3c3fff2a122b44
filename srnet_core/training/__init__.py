"""Training: loop, losses, schedules, optimizer, and whole runs with their checkpoints and records."""
