"""Every Python process of the tests: no connection leaves this machine.

Python imports this module when it starts, since the tests put its folder on PYTHONPATH. A connection or look-up of another host is noted in the file that
OFFLINE_LOG names, and refused.
"""
import os
import sys

HERE = ('127.', '::1', 'localhost', '0.0.0.0')


def watch(event, args):
    if event == 'socket.connect': host = args[1][0] if isinstance(args[1], tuple) else 'localhost'  # else: a path
    elif event in ('socket.getaddrinfo', 'socket.gethostbyname'): host = args[0] or 'localhost'
    else: return
    host = host.decode() if isinstance(host, bytes) else str(host)
    if host.startswith(HERE) or host == os.uname().nodename: return
    if log := os.environ.get('OFFLINE_LOG'):
        with open(log, 'a') as f: f.write(f'{event} {host} {sys.argv[:3]}\n')
    raise OSError(f'tests use no network, and this one asked for {host}')


sys.addaudithook(watch)
