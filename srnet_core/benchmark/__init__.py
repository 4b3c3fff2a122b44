"""How fast srnet is on this machine, beside yardsticks that need no other code.

The lines that can be measured are the files of `lines/`; `bench.run_lines` measures them.
"""
