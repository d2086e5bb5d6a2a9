"""Places and times: a box, a polygon, an interval, and the orbit as a coordinate system.

May import ``errors`` and ``atl03``. Public names: :class:`~.area.Area`,
:func:`~.area.parse_area` and :func:`~.area_input.read_area`; :data:`~.window.Box`,
:data:`~.window.Interval`, :func:`~.window.parse_box`, :func:`~.window.parse_interval` and
:func:`~.window.flat_boxes`; :func:`~.orbit.from_orbit`, :func:`~.orbit.to_orbit`,
:func:`~.orbit.find_nodes` and :func:`~.orbit.argument_of_latitude`.
"""
