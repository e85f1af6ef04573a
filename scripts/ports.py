"""Ports for services that a script starts."""

import random
import socket


def free_ports(count):
    """Ports that nobody listens on now."""
    # Below those that the system gives to clients: one could take what nobody listens on yet.
    sockets = []
    while len(sockets) < count:
        try:
            sockets.append(socket.create_server(("127.0.0.1", random.randrange(30_000, 32_768))))
        except OSError:
            pass
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
