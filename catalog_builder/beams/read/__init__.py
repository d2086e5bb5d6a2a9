"""Reads a beam into arrays: plans, fetches, decodes, selects.

Imports ``references``, ``storage``, ``geo`` and the foundation.

Public: ``beam_reader.BeamReader`` (the interface), ``beam_file.BeamFile`` (through
h5py), ``planned_beam.PlannedBeam`` (by references), ``planned_read_tasks.PlannedReadTasks``,
``plan.plan_reads``, ``fetch.read_planned``, ``decode.decode_chunk``, ``selection.Selection``,
``photon_search.find_photons``, ``row_slices.RowSlices``, ``segments.Segments``,
``segment_table.SegmentTable``.
"""
