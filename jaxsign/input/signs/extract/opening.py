"""The one place where a film is opened, whatever it lies in."""

from pathlib import Path

from jaxsign.input.signs.extract import frames


def film(path: Path, threads: int = 1, rate: float = 0.0) -> frames.OpenFilm:
    """A film, which is a file or a folder of pictures.

    Args:
      path: where it lies.
      threads: that decode.
      rate: frames a second, whatever it says; 0 = by its own times, and 25 for pictures.

    Raises:
      UserError: none, or one that cannot be decoded.
    """
    from jaxsign.input.signs.extract import pictures, video  # late: FFmpeg's and Pillow's libraries

    return pictures.Pictures(path, rate) if path.is_dir() else video.Video(path, threads, rate)
