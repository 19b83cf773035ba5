"""Execute the deliverable notebook: `python tools/p02.py [ENV_ID [FOLDER]]`.

Pendulum-v1, the default, is executed in place and writes its artifacts to `artifacts/p02`. Another
environment runs a copy of the notebook in `artifacts/p02_<env>`; the committed notebook stays as
it is. `P02_ENCODER` names an encoder for an environment without a bundled one.
"""
import os
import shutil
import sys
from pathlib import Path

from run_nb import run

ROOT = Path(__file__).resolve().parent.parent
NB = ROOT/'nbs'/'p02_rssm_dynamics.ipynb'
DEFAULT = ROOT/'artifacts'/'p02'


def folder_of(env_id):
    "Where artifacts of P02 on `env_id` go"
    if env_id == 'Pendulum-v1': return DEFAULT
    return DEFAULT.with_name(f'p02_{env_id.replace("/", "_")}')


def main(env_id='Pendulum-v1', out=None):
    "Run P02 on `env_id`; return the executed notebook's path"
    out = Path(out or folder_of(env_id)).resolve()
    out.mkdir(parents=True, exist_ok=True)
    in_place = out == DEFAULT
    nb = NB if in_place else Path(shutil.copy(NB, out/NB.name))
    os.environ |= {'P02_ENV': env_id, 'P02_OUT': '../artifacts/p02' if in_place else '.'}
    run(nb)
    return nb


if __name__ == '__main__':
    main(*sys.argv[1:])
