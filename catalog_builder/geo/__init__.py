"""A part of Earth and of time that is asked for, and the orbit over it."""
