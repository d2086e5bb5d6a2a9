"""Which sibling belongs to which granule, by their names."""

from __future__ import annotations

import pytest

from catalog_builder.errors import PairError
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.siblings.granule_pair import require_pair

GRANULE = GranuleName.parse("ATL03_20220401221822_01501506_006_02.h5")


@pytest.mark.parametrize(
    ("name", "product", "fits"),
    [
        ("ATL08_20220401221822_01501506_006_02", "ATL08", True),
        ("ATL08_20220401221830_01501506_006_07", "ATL08", True),
        ("ATL08_20220401221822_01501506_007_02", "ATL08", False),
        ("ATL08_20220401221822_01511506_006_02", "ATL08", False),
        ("ATL08_20220401221822_01501606_006_02", "ATL08", False),
        ("ATL08_20220401221822_01501507_006_02", "ATL08", False),
        ("ATL06_20220401221822_01501506_006_02", "ATL08", False),
        ("ATL24_20220401221822_01501506_006_02_001_01", "ATL24", True),
        ("ATL24_20220401221822_01501506_006_02_002_05", "ATL24", True),
        ("ATL24_20220401221822_01501506_006_01_002_01", "ATL24", False),
        ("ATL24_20220401221822_01501506_007_02_002_01", "ATL24", False),
    ],
)
def test_names_tell_which_belong_together(name: str, product: str, fits: bool) -> None:
    if fits:
        require_pair(GRANULE, GranuleName.parse(name), product)
    else:
        with pytest.raises(PairError):
            require_pair(GRANULE, GranuleName.parse(name), product)
