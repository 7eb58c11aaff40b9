"""Run `alextrain` in several processes, as torchrun would; torch is imported once for all.

    python -m tests.alextrain.rank_driver COUNT ARGUMENTS...

Prints what the processes print; ends with the first status that is not 0. With KILL_RANK and
KILL_STEP in the environment, that process kills itself there.
"""

import os
import signal
import socket
import sys

import torch

from alextrain.cli import main
from alextrain.training.loop import Trainer


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def kill_at(rank, step):
    honest = Trainer.step

    def step_or_die(self, *args):
        if self.ranks.rank == rank and self.progress.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return honest(self, *args)

    Trainer.step = step_or_die


def start(rank, count, port, arguments):
    child = os.fork()
    if child:
        return child
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    if "KILL_RANK" in os.environ:
        kill_at(int(os.environ["KILL_RANK"]), int(os.environ["KILL_STEP"]))
    torch.set_num_threads(1)
    try:
        main(arguments)
    except SystemExit as error:
        sys.stdout.flush()
        os._exit(int(error.code or 0))
    os._exit(99)


if __name__ == "__main__":
    count, arguments = int(sys.argv[1]), sys.argv[2:]
    port = free_port()
    children = [start(rank, count, port, arguments) for rank in range(count)]
    states = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.stdout.write(f"statuses {' '.join(map(str, states))}\n")
