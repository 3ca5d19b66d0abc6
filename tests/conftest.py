"""What holds for all tests."""

import os
import signal

# Beside other workers torch's threads would mostly wait for each other; tests of threads set them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Started in the background (nohup, `&` in a script), pytest would hand ignored signals on to the
# processes that tests send them to.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
