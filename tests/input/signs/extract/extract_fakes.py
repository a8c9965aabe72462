"""Videos made on the spot, and a landmarker without models that sees what is painted in them."""

import os
import signal
import struct
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract.landmarkers import Detection

CODECS = {".webm": "libvpx", ".avi": "mpeg4", ".mov": "mpeg4", ".gif": "gif"}
GREY, RED, GREEN, BLUE = (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255)


def movie(path, frames=6, *, colour=GREY, size=(64, 48), rate=30, times=None, rotation=0, aspect=1):
    """A video with a white square in its top left corner.

    Args:
      times: milliseconds of each frame, instead of an even rate.
      rotation: degrees counter-clockwise by which players turn it.
      aspect: of a pixel.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS.get(path.suffix, "libx264"), rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "rgb8" if path.suffix == ".gif" else "yuv420p"
        base = Fraction(1, 1000) if times else Fraction(1, rate)
        stream.codec_context.time_base = base
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(len(times) if times else frames):
            frame = av.VideoFrame.from_ndarray(_image(size, colour, number), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = times[number] if times else number, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _image(size, colour, number):
    image = np.empty((size[1], size[0], 3), np.uint8)
    image[:] = colour
    # Something that moves, so that frames differ and files do not shrink to nothing.
    image[-8:] = np.random.default_rng(number).integers(0, 255, (8, size[0], 1))
    image[: size[1] // 3, : size[0] // 3] = 255
    return image


def shown_by(path, a, b, c, d):
    """Gives a film's track another display matrix: (x, y) goes to (a x + c y, b x + d y)."""
    raw = path.read_bytes()
    start = raw.index(b"tkhd") + 4 + 40
    numbers = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(raw[:start] + struct.pack(">9i", *numbers) + raw[start + 36 :])
    return path


def sound(path):
    """A file with a second of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = np.zeros((1, 44100), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.rate, frame.pts = 44100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return Path(path)


def cut(path, share=0.5):
    """Cuts a file's end off."""
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    return path


class Fake:
    """Finds a pose in each frame, and the right hand in every other one.

    A red frame kills the process, a blue one crashes it, a green one raises.
    """

    def __init__(self, pause=0.0):
        self.seen, self.pause = [], pause

    def detect(self, image, milliseconds):
        """See `Landmarker`."""
        assert image.flags.c_contiguous and image.dtype == np.uint8
        assert not self.seen or milliseconds > self.seen[-1]
        self.seen.append(milliseconds)
        time.sleep(self.pause)
        red, green, blue = (int(v) for v in image[image.shape[0] // 2, image.shape[1] // 2])
        if red > 200 > 100 > green:
            os.kill(os.getpid(), signal.SIGKILL)
        if blue > 200 > 100 > green:
            os.abort()
        if green > 200 > 100 > red:
            raise RuntimeError("the graph has\nno more frames")
        found = Detection.nothing()
        found.points[clips.POSE] = 0.5
        found.visibility[:] = 0.75
        if len(self.seen) % 2:
            found.points[clips.RIGHT_HAND] = (0.25, 0.75, milliseconds / 1000)
        return found

    def close(self):
        """See `Landmarker`."""


def slow_start():
    """A worker's start that takes a minute, and says in the file $MARK which process it is."""
    Path(os.environ["MARK"]).write_text(str(os.getpid()))
    time.sleep(60)


class Slow(Fake):
    """Takes its time."""

    def __init__(self):
        super().__init__(pause=0.03)


def refusing():
    """A landmarker whose models cannot be loaded."""
    from jaxsign.errors import UserError

    raise UserError("model.task: cannot be loaded")


def dying():
    """A landmarker whose library crashes when it is loaded."""
    os.abort()
