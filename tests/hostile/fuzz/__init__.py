"""Structured mutation of everything that comes from outside, by hypothesis.

Seven kinds of input (:mod:`.kinds`) are harmed in a few places (:mod:`.mutations`) and given to
the package. It has to answer as for the unharmed input, or with an error of its own tree; what is
known to be right of an answer is compared. ``make fuzz`` runs 100,000 cases in spawned processes
(:mod:`.__main__`), ``make test`` a few hundred of each kind (``tests/hostile/test_fuzz.py``).

The footer of ``items.parquet`` is left as it is: a damaged one aborts the process inside pyarrow,
which SECURITY.md tells.
"""
