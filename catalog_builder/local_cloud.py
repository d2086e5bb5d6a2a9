"""The former command of the stand-in, which is ``python -m earthdata_standin`` now."""

from __future__ import annotations

import sys

from earthdata_standin.__main__ import main

if __name__ == "__main__":
    sys.stderr.write("The stand-in has moved: python -m earthdata_standin\n")
    sys.exit(main())
