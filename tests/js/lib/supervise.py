"""What systemd does for durward.service and durward-log.socket: holds a listening socket, hands it to the program as descriptor 3,
and starts the program again when it dies, SECONDS later.

usage: supervise.py SOCKET SECONDS PROGRAM [ARGUMENTS]
"""

import os
import signal
import socket
import sys
import time

path, pause, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
child = 0


def stop(number, frame):
    if child:
        os.kill(child, number)
        os.waitpid(child, 0)
    os.unlink(path)
    sys.exit(0)


held = socket.socket(socket.AF_UNIX)
os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
held.bind(path)
os.chmod(path, 0o600)
held.listen(64)
signal.signal(signal.SIGTERM, stop)
while True:
    child = os.fork()
    if child == 0:
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(held.fileno(), 3)
        os.set_inheritable(3, True)
        os.execv(command[0], command)
    os.waitpid(child, 0)
    child = 0
    time.sleep(pause)
