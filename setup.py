import shlex
from configparser import ConfigParser
from pathlib import Path

import setuptools

# All metadata and dependencies live in settings.ini (nbdev 2 convention)
config = ConfigParser(delimiters=['='])
config.read('settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
keys = 'version description keywords author author_email'.split()
needed = keys + 'lib_name lib_path status min_python audience git_url'.split()
missing = [o for o in needed if o not in cfg]
if missing: raise SystemExit(f'settings.ini lacks {missing}')
statuses = (
    '', '1 - Planning', '2 - Pre-Alpha', '3 - Alpha', '4 - Beta', '5 - Production/Stable',
    '6 - Mature', '7 - Inactive')
groups = [o for o in cfg if o.endswith('_requirements')]
extras = {o.removesuffix('_requirements'): shlex.split(cfg[o]) for o in groups}
for_users = [needs for name, needs in extras.items() if name not in ('dev', 'peers')]
extras['all'] = sorted(set().union(*for_users))

setuptools.setup(
    name=cfg['lib_name'],
    license='Apache-2.0',
    license_files=['LICENSE'],
    classifiers=['Development Status :: ' + statuses[int(cfg['status'])],
                 'Intended Audience :: ' + cfg['audience'],
                 'Programming Language :: Python :: 3'],
    url=cfg['git_url'],
    packages=setuptools.find_packages(include=[cfg['lib_path'], cfg['lib_path'] + '.*']),
    include_package_data=True,
    package_data={cfg['lib_path']: shlex.split(cfg['package_data'])},
    install_requires=shlex.split(cfg['requirements']),
    extras_require=extras,
    python_requires='>=' + cfg['min_python'],
    long_description=Path('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    zip_safe=False,
    entry_points={'console_scripts': shlex.split(cfg['console_scripts']),
                  'nbdev': [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"]},
    **{o: cfg[o] for o in keys})
