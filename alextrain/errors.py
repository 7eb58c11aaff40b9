"""Everything in training that a user can cause, and nothing else.

AlexError (alexprep.errors)
  RecipeError       a recipe, an override of it, or a net that cannot take the input asked for
  CheckpointError   a checkpoint that is damaged, foreign, or of another net
  DeviceError       a device that is not there or cannot do what was asked
  DivergedError     a loss that is no longer a number
  ExportError       a file in another format: not possible, or not equal to its network
  FeaturesError     a file of features that is damaged, or of another network
  LabelsError       a file of other labels that does not fit the images
  PackageError      an optional package that is not installed
  RankError         another process of the same job is gone
  ServeError        a server that cannot begin
"""

from alexprep.errors import AlexError

__all__ = [
    "AlexError",
    "CheckpointError",
    "DeviceError",
    "DivergedError",
    "ExportError",
    "FeaturesError",
    "LabelsError",
    "PackageError",
    "RankError",
    "RecipeError",
    "ServeError",
]


class RecipeError(AlexError):
    """A recipe says something impossible, or names something unknown."""


class CheckpointError(AlexError):
    """A checkpoint cannot be used: damaged, of another format, or of another net."""


class DeviceError(AlexError):
    """The device asked for is missing or lacks an ability."""


class DivergedError(AlexError):
    """Training left the numbers: the loss is infinite or not a number."""


class ExportError(AlexError):
    """A network cannot be written in a format, or what was written does not answer as it does."""


class FeaturesError(AlexError):
    """A file of features cannot be used: damaged, empty, or made by another network."""


class LabelsError(AlexError):
    """A file of other labels cannot be used: damaged, or for other images or classes."""


class PackageError(AlexError):
    """An optional package is needed and not installed."""


class RankError(AlexError):
    """Another process of this job ended, so its share of the work is missing."""


class ServeError(AlexError):
    """A server cannot begin: its address is taken, or its token is none."""
