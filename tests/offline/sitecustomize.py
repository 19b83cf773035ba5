"""Every Python process of the tests: no connection leaves this machine.

Python imports this module when it starts, since the tests put its folder on PYTHONPATH. A
connection or look-up of another host is noted in the file that OFFLINE_LOG names, and refused.
"""
import os
import sys

HERE = ('127.', '::1', 'localhost', '0.0.0.0')
LOOK_UPS = 'socket.getaddrinfo', 'socket.gethostbyname'


def host_of(event, args):
    "The host that an audit event asks for, or None"
    if event in LOOK_UPS:
        host = args[0] or 'localhost'
        return host.decode() if isinstance(host, bytes) else str(host)
    if event != 'socket.connect' or not isinstance(args[1], tuple): return None  # a path: local
    host = args[1][0]
    return host.decode() if isinstance(host, bytes) else str(host)


def watch(event, args):
    "Refuse other hosts"
    host = host_of(event, args)
    if host is None or host.startswith(HERE) or host == os.uname().nodename: return
    if log := os.environ.get('OFFLINE_LOG'):
        with open(log, 'a') as f:
            f.write(f'{event} {host} {sys.argv[:3]}\n')
    raise OSError(f'tests use no network, and this one asked for {host}')


sys.addaudithook(watch)
