"""Every table of the product, found by its module and imported on demand."""

import importlib

from storage.database import Base
from tests.services.processes import ROOT

PACKAGES = ("storage", "audit", "records", "intake", "notifications", "portal")


def model_modules() -> list[str]:
    """Return the dotted names of the modules that declare a table, in alphabetical order."""
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    models = (file for file in files if "__tablename__" in file.read_text(encoding="utf-8"))
    return sorted(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in models)


def load_models() -> type[Base]:
    """Import every module that declares a table and return Base, whose metadata then knows them all."""
    for name in model_modules():
        importlib.import_module(name)
    return Base
