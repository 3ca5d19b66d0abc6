"""Makes a float network exact: grids, steps, tables, start state."""
