"""The former place of :mod:`earthdata_standin`: ``python -m catalog_builder.local_cloud``."""

from __future__ import annotations

import sys

from earthdata_standin.__main__ import main

if __name__ == "__main__":
    sys.stderr.write("The stand-in has its own place now: python -m earthdata_standin\n")
    sys.exit(main())
