"""Raw sets: one file per layout, one small interface; detect.py chooses.

A layout is a `Layout` (layout.py): a name for --layout, a line on what it is, `recognises`, and
`open`, which lists a `Place` (RAW with the names at its top) into a `RawSet` (source.py) of
`Source`s. A source has a class, a name, a size, and a `Container` that reads its bytes in any
process (containers.py has files and members of archives).

To add one: write alexprep/raw/NAME.py with `LAYOUT = Layout(...)`, put it into `LAYOUTS` in
detect.py before those that would take its sets for their own, and into docs/raw.md. Rules:

- A source is named split/class/path, as the image would be in class folders: then keys, labels and
  shards are the same bytes as from any other layout. Splits are train, val and test (`split_of`).
- `open` reads no image. It sorts each split (`sort_sources`), leaves out empty splits, and says in
  `found` what was found (`describe`) and what was not read (`Place.beside`, `not_read`).
- A file that cannot be read is a source all the same (`Unreadable`), so that it follows --on-bad.
- A set that is damaged or not of this layout is a RawError that names it, what was expected, and
  what to do.
- Where the labels are numbers with an order of their own, `own_order` has the classes in it.
"""
