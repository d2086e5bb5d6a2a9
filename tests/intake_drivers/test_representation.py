"""What a notebook shows of sources and catalogs, and what YAML keeps of them."""

from __future__ import annotations

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.intake_drivers.granule_catalog import GranuleCatalog
from catalog_builder.intake_drivers.representation import html_table, without_secrets


def test_representations_show_the_arguments(granule: str) -> None:
    source = BeamSource(href=f"/data/<b>{granule}.h5", beam="gt3r", bbox="1,2,3,4")
    assert "gt3r" in repr(source)
    assert "(1.0, 2.0, 3.0, 4.0)" in repr(source)
    assert "&lt;b&gt;" in source._repr_html_()
    near = GranuleCatalog(catalog="/cat").search(bbox=[1, 2, 3, 4]).search(bbox=[2, 3, 4, 5])
    for box in ("[1.0, 2.0, 3.0, 4.0]", "[2.0, 3.0, 4.0, 5.0]"):
        assert box in repr(near)
        assert box in near._repr_html_()
    assert "search" in dir(near)


def test_yaml_holds_no_keys(granule: str) -> None:
    options = {"key": "a-key", "secret": "a-secret"}
    near = GranuleCatalog(catalog="s3://ice", storage_options=options).search(rgt=5)
    beam = BeamSource(catalog="s3://ice", granule=granule, storage_options=options)
    for text in (near.serialize(), beam.yaml(), repr(near), repr(beam)):
        assert "s3://ice" in text
        assert "a-secret" not in text


def test_a_signed_address_is_shown_and_written_without_its_query(granule: str) -> None:
    signed = "https://host/cat?sig=a-signature"
    near = GranuleCatalog(catalog=signed).search(rgt=5)
    beam = BeamSource(catalog=signed, granule=granule, references=f"{signed}&x=1")
    file = BeamSource(href=f"https://host/{granule}.h5?sig=a-signature", beam="gt1l")
    location = CatalogLocation.parse(signed)
    for text in (
        *(repr(near), near._repr_html_(), near.serialize(), near.yaml()),
        *(repr(beam), beam._repr_html_(), beam.yaml()),
        *(repr(file), file._repr_html_(), file.yaml()),
        repr(location),
    ):
        assert "https://host/" in text
        assert "a-signature" not in text
    assert near.catalog == signed
    assert location.query == "sig=a-signature"


def test_a_table_escapes_text_and_leaves_out_what_is_none() -> None:
    rows = [("granule", "<script>"), ("bbox", None), ("rgt", 0)]
    table = html_table("Beams & more", rows, 'search(bbox="…")')
    assert "<script>" not in table
    assert table.count("<tr>") == 2
    for text in ("Beams &amp; more", "&lt;script&gt;", ">0</td>", "search(bbox=&quot;…&quot;)"):
        assert text in table


def test_storage_options_of_every_source_are_left_out() -> None:
    sources = {
        "near": {"args": {"catalog": "s3://ice", "storage_options": {"secret": "a-secret"}}},
        "far": {"args": {"catalog": "/data"}},
    }
    kept = without_secrets({"sources": sources})["sources"]
    assert kept["near"] == {"args": {"catalog": "s3://ice"}}
    assert kept["far"] == {"args": {"catalog": "/data"}}
