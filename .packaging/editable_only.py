"""The build backend of ``pip install -e .``: setuptools, which builds no other kind of package.

The packages of this project have general names (``data``, ``datasets``, ``models``, ``util``).
Copied into an environment, they would replace packages of the same name, so a wheel is refused.
"""

from typing import NoReturn

from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    prepare_metadata_for_build_editable,
)

__all__ = ["build_editable", "build_sdist", "build_wheel", "get_requires_for_build_editable",
           "prepare_metadata_for_build_editable"]


def build_wheel(*arguments: object) -> NoReturn:
    """Refuse to build files that pip would copy into an environment.

    Raises:
        SystemExit: always; the message has the command that works.
    """
    raise SystemExit("error: this project can only be installed from its own folder, because its "
                     "packages have general names (data, models, util). Clone the repository, and "
                     "run in its folder: python -m pip install -e .")


build_sdist = build_wheel
