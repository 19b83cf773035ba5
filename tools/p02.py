"""Execute the deliverable notebook: `python tools/p02.py [ENV_ID]`.

Pendulum-v1, the default, is executed in place and writes beside it to `artifacts/p02`. Any other environment runs a copy in
`artifacts/p02_<env>`, and leaves the committed notebook alone. `P02_ENCODER` names an encoder for environments that
have none bundled.
"""
import os
import shutil
import sys
from pathlib import Path

from run_nb import run

NB = Path(__file__).resolve().parent.parent/'nbs'/'p02_rssm_dynamics.ipynb'


def main(env_id='Pendulum-v1', out=None):
    "Run p02 for `env_id`; returns the executed notebook's path"
    root = NB.parent.parent
    out = Path(out or root/'artifacts'/('p02' if env_id == 'Pendulum-v1' else f'p02_{env_id.replace("/", "_")}')).resolve()
    out.mkdir(parents=True, exist_ok=True)
    default = out == root/'artifacts'/'p02'
    nb = NB if default else Path(shutil.copy(NB, out/NB.name))
    os.environ |= {'P02_ENV': env_id, 'P02_OUT': '../artifacts/p02' if default else '.'}
    run(nb)
    print('executed', nb.relative_to(root) if nb.is_relative_to(root) else nb)
    return nb


if __name__ == '__main__': main(*sys.argv[1:])
