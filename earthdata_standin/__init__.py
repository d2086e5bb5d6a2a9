"""A stand-in for NASA's Earthdata services, on this machine: for tests, demos and benchmarks.

It speaks the HTTP of CMR (``/search``), CMR-STAC (``/stac``), Earthdata Login, the data service
with its temporary S3 keys and redirected downloads, and S3, each on a port of its own on the
loopback interface. What it holds is a simulated ICESat-2: ATL03 records as NASA writes them and
HDF5 files laid out as NASA's; or records and files of your own. It is as strict as the services
are: parameters, numbers, times, logins and signatures that NASA refuses are refused, in the same
words. No network, no account.

In a test, with any client that takes its addresses from the environment or as arguments::

    from earthdata_standin import EarthdataStandin, Faults

    with EarthdataStandin(granules=12, faults=Faults(short_pages=True)) as standin:
        page = requests.get(f"{standin.cmr_url}/granules.umm_json", {"short_name": "ATL03"})
        standin.environment      # CMR_URL, EARTHDATA_HOST, EARTHDATA_TOKEN, AWS_ENDPOINT_URL_S3
        standin.requests         # the log: one Request for each that came
        standin.faults.in_region = False     # from now on S3 refuses

Until Ctrl-C, printing the environment as shell lines (``--help`` names what it can serve and what
it can get wrong)::

    python -m earthdata_standin --port 8100

Contents: :class:`EarthdataStandin` is the whole; :class:`World` what it serves;
:class:`Faults` what goes wrong; :class:`Request` an entry of the log.

The package imports nothing of its users, ``catalog_builder`` among them, so that it cannot share
their mistakes. What it knows of NASA's services was read in their documentation and source, and
is compared with their recorded answers; each module names its sources.
"""

from __future__ import annotations

from earthdata_standin.faults import Faults
from earthdata_standin.request_log import Request
from earthdata_standin.standin import EarthdataStandin
from earthdata_standin.world import World

__all__ = ["EarthdataStandin", "Faults", "Request", "World"]
