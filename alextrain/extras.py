"""Optional packages: imported when they are needed, named when they are not there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from alextrain.errors import PackageError


def need(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: "onnxruntime", "pyarrow.parquet".
        extra: The extra of alexkit that installs it.

    Raises:
        PackageError: it is not installed; says how to install it.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise  # installed, and lacks something itself
        raise PackageError(
            f"the package {package} is not installed; install it with "
            f'`pip install "alexkit[{extra}]"`'
        ) from error
