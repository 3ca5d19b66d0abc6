"""`shazip bench`: compares shazip with other compressors and checks every round trip.

tools (the contestants) -> trial (rounds of a tool on a file) -> results (JSON) -> tables, plots
launch and worker run in processes of their own, in which everything is measured.
"""
