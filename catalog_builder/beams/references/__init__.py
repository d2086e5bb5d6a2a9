"""The references of a beam: the model, and its file format, a kerchunk reference set.

Pure data: no granule is read here. Imports ``errors`` and ``atl03``.

Public: ``reference_set.BeamReferences``, ``granule_references.GranuleReferences``,
``reference_set.DatasetReferences``, ``chunk_positions.ChunkPositions``,
``kerchunk_reader.read_references``, ``kerchunk_writer.write_references``.
"""
