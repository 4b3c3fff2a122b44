"""The loop, its losses and schedules, and whole runs around it."""
