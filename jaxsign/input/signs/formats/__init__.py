"""Collections of clips on disk: one file a format, found by its name, which ends with `FORMAT`."""

from jaxsign.input.signs.formats._files import files_named as files_named
from jaxsign.input.signs.formats._registry import detect as detect
from jaxsign.input.signs.formats._registry import get as get
from jaxsign.input.signs.formats._registry import names as names
from jaxsign.input.signs.formats._registry import nearest as nearest
from jaxsign.input.signs.formats._registry import open_collection as open_collection
from jaxsign.input.signs.formats._types import SPLITS as SPLITS
from jaxsign.input.signs.formats._types import At as At
from jaxsign.input.signs.formats._types import Collection as Collection
from jaxsign.input.signs.formats._types import Entry as Entry
from jaxsign.input.signs.formats._types import Format as Format
from jaxsign.input.signs.formats._types import in_order as in_order
from jaxsign.input.signs.formats._types import of_files as of_files
from jaxsign.input.signs.formats._writing import Written as Written
from jaxsign.input.signs.formats._writing import check_beside as check_beside
from jaxsign.input.signs.formats._writing import check_out as check_out
from jaxsign.input.signs.formats._writing import drafted as drafted
from jaxsign.input.signs.formats._writing import lists_last as lists_last
from jaxsign.input.signs.formats._writing import settle as settle
from jaxsign.input.signs.formats._writing import write_collection as write_collection
from jaxsign.input.signs.formats._writing import writer_of as writer_of
