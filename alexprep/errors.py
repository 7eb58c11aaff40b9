"""Everything that a user can cause, as one tree.

AlexError
 ├── SettingsError      a setting that cannot be used
 ├── RawError           the raw set: missing, empty, an unknown layout, a truncated archive
 ├── ImageError         one image that gives no picture; its text is the reason alone
 │    ├── NoImageError         it is of no known format
 │    └── TooManyPixelsError   it has more than it may have
 ├── BadFilesError      bad images where none is wanted (--on-bad fail)
 ├── ShardError         shards: missing, changed, unfinished, of another version
 ├── StatisticsError    statistics: missing, damaged, of other shards
 ├── DiskError          the target: full, read-only, held by another run
 └── (alextrain.errors) recipes, checkpoints, devices, divergence

The command line shows the text alone and exits with status 1. A traceback is always a bug of ours.
"""


class AlexError(Exception):
    """A failure that the user can mend; its text says what, where and how."""


class SettingsError(AlexError):
    """A setting has a value that cannot be used."""


class RawError(AlexError):
    """The raw set is missing, empty, truncated or of an unknown layout."""


class ImageError(AlexError):
    """One image gives no picture; the text is the reason alone, the caller names the file."""


class NoImageError(ImageError):
    """The file is empty, text, or of no format that is read."""


class TooManyPixelsError(ImageError):
    """The picture has more pixels than it may have; none of it was decoded."""


class BadFilesError(AlexError):
    """The raw set holds bad images and the user wants none."""


class ShardError(AlexError):
    """Shards are missing, changed, unfinished or of another format version."""


class StatisticsError(AlexError):
    """Statistics are missing, damaged or belong to other shards."""


class DiskError(AlexError):
    """The target cannot be written: full, read-only, or held by another run."""
