"""All that is to be measured once a GPU is at hand, in pieces that resume; __main__.py first."""
