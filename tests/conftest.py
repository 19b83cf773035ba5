"Paths, a clean environment for commands run by tests, and no network for any of them"
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = ROOT/'tests'/'offline'
sys.path.insert(0, str(ROOT/'tools'))
os.environ.setdefault('OFFLINE_LOG', str(Path(tempfile.gettempdir())/f'offline_{os.getpid()}.log'))
os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, (str(OFFLINE), os.environ.get('PYTHONPATH'))))  # for all processes that tests start
sys.path.insert(0, str(OFFLINE))
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background a shell has it ignored, by all that tests start too
import sitecustomize  # noqa: E402, F401  and for this one, unless it has it


@pytest.fixture(scope='session')
def root(): return ROOT


@pytest.fixture
def env():
    "The environment without anything that steers a notebook"
    return {k: v for k, v in os.environ.items() if not k.startswith(('P02_', 'P02B_', 'P03_', 'GALLERY_', 'LOAD_', 'PROMISES_'))}


def pytest_sessionfinish(session, exitstatus):
    "No process of any test has asked for another machine"
    log = Path(os.environ['OFFLINE_LOG'])
    if hasattr(session.config, 'workerinput') or not log.exists(): return
    asked = log.read_text(); log.unlink()
    print(f'\nasked for another machine:\n{asked}')
    session.exitstatus = 1
