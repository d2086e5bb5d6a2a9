"""Programs run in a pseudo-terminal of so many columns."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios


def in_a_terminal(code: str, columns: int = 80) -> str:
    """What a terminal shows of a program, without its bold print."""
    main_end, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=terminal,
        stderr=terminal,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(main_end, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(main_end)
    assert process.wait() == 0
    return re.sub(r"\x1b\[[01]?m", "", shown.decode())
