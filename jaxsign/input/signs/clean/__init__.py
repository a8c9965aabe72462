"""Cleaning: pure functions on keypoints and clips. Each gives a new clip and leaves its own alone.

They take NaN as absent and never make a point out of nothing: a gap is filled only where that was
asked for, smoothing and resampling stay within the frames that show a point.
"""

from jaxsign.input.signs.clean.gaps import fill_gaps as fill_gaps
from jaxsign.input.signs.clean.gaps import interpolate_gaps as interpolate_gaps
from jaxsign.input.signs.clean.mirroring import mirror as mirror
from jaxsign.input.signs.clean.presence import missing as missing
from jaxsign.input.signs.clean.presence import present as present
from jaxsign.input.signs.clean.resampling import at_times as at_times
from jaxsign.input.signs.clean.resampling import resample as resample
from jaxsign.input.signs.clean.smoothing import one_euro as one_euro
from jaxsign.input.signs.clean.smoothing import savitzky_golay as savitzky_golay
from jaxsign.input.signs.clean.trimming import motion as motion
from jaxsign.input.signs.clean.trimming import trim as trim
