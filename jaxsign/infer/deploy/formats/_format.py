"""What a format of deployed files is."""

import abc
import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer.deploy.program import Program

# Arrays by name -> what the file says of them, by name.
Opened = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


class Unwritable(Exception):
    """A program has a part that a format does not have; the text names the part."""


@dataclasses.dataclass(frozen=True)
class Need:
    """A package beside jaxsign's own.

    Attributes:
      module: that is imported.
      install: how it is installed, in the project's folder.
    """

    module: str
    install: str = "pip install -c constraints.txt -e '.[deploy]'"


class FileFormat(abc.ABC):
    """A kind of file that runs without jaxsign.

    Attributes:
      name: what the command line calls it.
      suffix: its files' ending.
      needs: packages that writing and running take.
      runs_with: what runs the files, in words.
      asks: lines of Python that make `said`, the outputs by name, of `file`, a `Path`, and
        `inputs`, arrays by name.
      weights: kinds of weights that it holds.
    """

    name: str
    suffix: str
    runs_with: str
    asks: str
    needs: tuple[Need, ...] = ()
    weights: tuple[str, ...] = ("float32", "float16", "int8")

    @abc.abstractmethod
    def content(self, program: Program) -> bytes:
        """The file of a program.

        Raises:
          Unwritable: it has no form in this format.
        """

    @abc.abstractmethod
    def opened(self, path: Path) -> Opened:
        """A file, ready to be asked.

        Raises:
          Exception: of whatever kind the runtime has for a damaged file.
        """

    @property
    def made_with(self) -> dict[str, str]:
        """Packages that writing goes by -> their versions here."""
        names = ("jax", *(need.module for need in self.needs))
        return {name: importlib.metadata.version(name) for name in names}

    def check(self) -> None:
        """Raises UserError where a package is missing."""
        for need in self.needs:
            if importlib.util.find_spec(need.module) is None:
                raise UserError(
                    f"--format {self.name}: needs {need.module}, which is not installed. In the "
                    f"project's folder: {need.install}"
                )
