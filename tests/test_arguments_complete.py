"Every public name of the package has a case in a table of arguments, or a reason why not"
import pkgutil

import pytest
import test_arguments_data
import test_arguments_models
import test_arguments_shell
from bad_arguments import public

import rssm_nbdev

TABLES = test_arguments_data, test_arguments_models
CASES = {key.partition(',')[0] for table in TABLES for key in table.CASES}
LEFT = [name for table in TABLES for name in table.LEFT]
COMMANDS = {f'cli.{m}.{k}_cmd' for m in ('make', 'use') for k in test_arguments_shell.SHELL}


def modules():
    "Names of the package's modules, as 'analysis.probes'"
    names = pkgutil.walk_packages(rssm_nbdev.__path__, 'rssm_nbdev.')
    parts = [m.name.partition('.')[2] for m in names if not m.ispkg]
    return [name for name in parts if not name.startswith('_')]


@pytest.mark.parametrize('module', modules())
def test_every_public_name_has_a_case_or_a_reason(module):
    names = set(public(module, without_methods=LEFT))
    assert sorted(names - CASES - COMMANDS - set(LEFT)) == []


def test_no_reason_is_out_of_date():
    names = {name for m in modules() for name in public(m, without_methods=LEFT)}
    own = {name for name in CASES if name.rpartition('.')[0] not in LEFT}  # the class has a reason
    in_package = {name for name in own if not name.startswith('faulty.')}
    assert sorted(set(LEFT) - names) == []
    assert sorted(set(LEFT) & CASES) == []
    assert sorted(in_package - names) == []
