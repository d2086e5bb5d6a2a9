"""Plots a beam that was opened, with a map of its track.

Imports ``errors``; matplotlib and cartopy when something is drawn.

Public: ``profile.plot_beam``.
"""
