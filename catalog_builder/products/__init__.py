"""What ICESat-2's products are: their names, beams, groups, defaults and joins to ATL03, as facts.

Nothing here reads a file. A product is one entry of :data:`.facts.PRODUCTS`; code that opens files
reads these facts, and does not ask which product it has.

Public: ``product.Product``, ``facts.PRODUCTS``, ``facts.product_named``,
``granule_name.GranuleName``.
"""
