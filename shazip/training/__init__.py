"""Training of the float network; needs torch. Read run.py first, then trainer.py."""
