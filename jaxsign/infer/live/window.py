"""Where the pictures of a session go: a window with keys, a film, screenshots."""

import contextlib
import datetime
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

from jaxsign.errors import UserError
from jaxsign.infer.live import picture
from jaxsign.input import film
from jaxsign.input.signs.extract import libraries
from jaxsign.whole import whole

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
_NO_WINDOW = "no window can be opened (no display?). Run without one: --no-window"
QUIT, SHOT, RESET = "quit", "shot", "reset"


class PreviewWindow:
    """A window of the desktop; its keys switch `view` or ask for an action."""

    _KEYS = {"q": QUIT, "\x1b": QUIT, "s": SHOT, "r": RESET}
    _SWITCHES = {"c": "confidence", "l": "landmarks", "h": "help"}

    def __init__(self, title: str, view: picture.PictureView):
        self._title, self._view = title, view
        self._cv2 = libraries.opencv()
        if sys.platform == "linux" and not any(map(os.environ.get, _DISPLAYS)):
            raise UserError(_NO_WINDOW)  # OpenCV would end the process without a word
        try:
            self._cv2.namedWindow(title, self._cv2.WINDOW_NORMAL)
        except self._cv2.error as error:
            raise UserError(_NO_WINDOW) from error

    def show(self, image: Image.Image) -> str:
        """Shows a picture; returns the action that a key asked for, or ''."""
        self._cv2.imshow(self._title, np.asarray(image)[..., ::-1])
        code = self._cv2.waitKey(1)
        if self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE) < 1:
            return QUIT
        return self.press(chr(code & 0xFF)) if code >= 0 else ""

    def press(self, key: str) -> str:
        """What a key does."""
        if key in self._SWITCHES:
            name = self._SWITCHES[key]
            setattr(self._view, name, not getattr(self._view, name))
        return self._KEYS.get(key, "")

    def close(self) -> None:
        """Closes the window."""
        self._cv2.destroyWindow(self._title)


class _NoFilm(Exception):
    """There is nothing to keep."""


class Film:
    """Writes the pictures as an MP4 with the stream's own times; whole or not at all."""

    def __init__(self, path: Path):
        if path.suffix.lower() != ".mp4":
            raise UserError(f"--record {path}: the name must end with .mp4")
        self._path, self._broken = path, False
        self._open = contextlib.ExitStack()
        with self._told():
            self._writer = film.Writer(self._open.enter_context(whole(path, ending=True)))

    def add(self, image: Image.Image, seconds: float) -> None:
        """Adds a picture."""
        with self._told():
            self._writer.add(image, seconds)

    def close(self) -> None:
        """Ends the film; without a picture there is none."""
        with contextlib.suppress(_NoFilm), self._told(), self._open:
            self._writer.close()
            if self._broken or not self._writer.started:
                raise _NoFilm

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the encoder and of the disk become messages that name the film."""
        try:
            yield
        except (OSError, av.error.FFmpegError) as error:
            self._broken = True
            reason = error.strerror or error
            raise UserError(f"--record {self._path}: cannot be written ({reason})") from error


class Screenshots:
    """Pictures named `<sign>_<YYYYMMDD_HHMMSS>_<count>.jpg` in one folder."""

    def __init__(self, folder: Path):
        self.folder, self.count = folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, image: Image.Image, sign: str) -> Path:
        """Saves a picture under the name of what was seen."""
        self.count += 1
        safe = re.sub(r"[^\w-]+", "_", sign).strip("_") or "none"
        stamp = datetime.datetime.now().strftime("%Y%m%d_%H%M%S")
        path = self.folder / f"{safe}_{stamp}_{self.count:03d}.jpg"
        with whole(path, ending=True) as draft:
            image.save(draft, quality=92)
        return path
