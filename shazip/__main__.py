"""`python -m shazip`: the command line without its script."""

from shazip.entry import main

if __name__ == "__main__":
    main()
