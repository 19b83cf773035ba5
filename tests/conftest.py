"Paths, and a clean environment for commands run by tests"
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'tools'))


@pytest.fixture(scope='session')
def root(): return ROOT


@pytest.fixture
def env():
    "The environment without anything that steers a notebook"
    return {k: v for k, v in os.environ.items() if not k.startswith(('P02_', 'P02B_', 'P03_', 'GALLERY_'))}
