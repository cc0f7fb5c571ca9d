"""python -m xtreme_noise"""

import sys

from xtreme_noise.cli import main

if __name__ == "__main__":
    sys.exit(main())
