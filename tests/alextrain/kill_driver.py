"""Run `alextrain` again and again, killed at random moments, and once to its end.

    python -m tests.alextrain.kill_driver KILLS SEED LONGEST ARGUMENTS...

Torch is imported once, and each run is a fork. Prints how many runs were killed in time.
"""

import os
import random
import signal
import sys
import time

import torch

from alextrain.cli import main


def start(arguments):
    child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    try:
        main(arguments)
    except SystemExit as error:
        os._exit(int(error.code or 0))
    os._exit(99)


if __name__ == "__main__":
    kills, seed, longest, arguments = (
        int(sys.argv[1]),
        sys.argv[2],
        float(sys.argv[3]),
        sys.argv[4:],
    )
    moments, killed = random.Random(seed), 0
    for _ in range(kills):
        child = start(arguments)
        time.sleep(moments.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    last = os.waitstatus_to_exitcode(os.waitpid(start(arguments), 0)[1])
    sys.stdout.write(f"{killed} {last}\n")
