"""Reads the bytes of a granule over S3, over HTTPS, or from disk, and downloads it.

Knows nothing of what the bytes mean. Imports ``errors``, ``forks``, ``progress``, ``transport``
and ``auth``.

Public: ``links.GranuleLinks``, ``links.Access``, ``links.Transport``,
``granule_file.open_granule_file``, ``granule_file.open_hdf5``, ``byte_source.ByteSource``,
``https.HttpsSource``, ``s3.S3Source``, ``s3.StoreSource``, ``download.download``,
``logging_in.log_in``.
"""
