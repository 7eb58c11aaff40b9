"""Run as a program of its own by tests: build the shards of RAW in SHARDS and tell of progress.

python tests/alexprep/driver.py RAW SHARDS JOBS
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main():
    from alexprep.building.build import Listener, build
    from tests.alexprep.sets import plan_of

    def tell(images):
        sys.stdout.write(f"{images}\n")
        sys.stdout.flush()

    raw, target, jobs = sys.argv[1:]
    plan = plan_of(Path(raw))
    try:
        build(plan, Path(target), int(jobs), listener=Listener(done=tell))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
