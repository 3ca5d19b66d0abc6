"""`shazip bench`: what shazip gains and costs beside other compressors, after checked round trips.

tools (who takes part) -> trial (rounds of a tool on a file) -> results (JSON) -> tables, plots
launch and worker are the processes of their own in which everything is measured.
"""
