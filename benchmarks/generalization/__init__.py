"""How well networks lift what training never showed: other actions, cameras, people, data sets; docs/results.md."""
