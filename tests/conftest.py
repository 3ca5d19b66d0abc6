"""What holds for all tests."""

import signal

# Started in the background (nohup, `&` in a script), pytest would hand ignored signals on to the
# processes that tests send them to.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
