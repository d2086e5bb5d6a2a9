"""Plots an open beam, with a map of its track.

Imports ``errors``; matplotlib and cartopy when something is drawn.

Public: ``profile.plot_beam``, ``track_map.draw_track``.
"""
