"""torch's files without torch: tensors, numbers and plain containers, and no code that is run.

Both forms are read: the zip archives of today and the pickles one behind another of before 2020.
"""

import io
import mmap
import pickle
import zipfile
from pathlib import Path
from typing import IO, Any, cast

from jaxsign import archives, reading
from jaxsign.errors import UserError
from jaxsign.nets.torch_files import containers, pickles

# How the older form begins.
_OLD = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
_CHUNK = 1 << 24


def read(path: str | Path) -> Any:
    """The content of a torch file without running any code in it.

    Tensors become numpy arrays, those of bfloat16 and of 8 bits float32 ones; named dicts, argument
    namespaces, paths, devices and the like become dicts, tuples and text.

    Raises:
      UserError: the file is missing, too large, damaged, or holds more than that.
    """
    path = Path(path)
    reading.check(path, "Expected a torch checkpoint (.pt, .pth or .ckpt).")
    plain = containers.Plain()
    form = "a zip archive"
    try:
        if _is_old(path):
            form = "a Python pickle"
            found, value = _read_old(path, plain)
        else:
            found, value = _read_zip(path, plain)
    except UserError:
        raise
    except Exception as error:  # zipfile and numpy raise many types for damaged data
        raise UserError(
            f"{path}: not a readable torch checkpoint "
            f"({reading.told(path, form, _short(error))}). Expected what "
            "torch.save(model.state_dict(), PATH) writes; the file may also have been cut short."
        ) from error
    _refuse_foreign(path, {name: plain.foreign.get(name, "") for name in found.named})
    return value


def _is_old(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_OLD)) == _OLD


def _short(error: Exception) -> Exception:
    return ValueError("nested too deep") if isinstance(error, RecursionError) else error


def _refuse_foreign(path: Path, foreign: dict[str, str]) -> None:
    """Names what is not made, each with its place."""
    if not foreign:
        return
    names = [f"{name} at {place}" if place else name for name, place in foreign.items()]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    raise UserError(
        f"{path}: holds {reading.quoted(', '.join(names[:5]), 400)}{more} beside its tensors, "
        "which is refused: making it runs code that the file names. Only tensors, numbers, text "
        "and plain containers are loaded. Save the weights alone, in the program that trained the "
        "net: torch.save(model.state_dict(), 'weights.pt')"
    )


def _read_zip(path: Path, plain: containers.Plain) -> tuple[pickles.Unpickled, Any]:
    """Every member is read to its end, where its checksum is compared."""
    with archives.opened(path) as archive:
        members = _members(path, archive)
    folder = _folder(members)
    byte_order = bytes(members.get(f"{folder}byteorder", b"little"))
    found = pickles.load(
        pickles.checked(io.BytesIO(members[f"{folder}data.pkl"])),
        lambda key: members[f"{folder}data/{key}"],
        ">" if byte_order == b"big" else "<",
    )
    return found, plain.make(found.value)


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, bytearray]:
    infos = archive.infolist()
    if twice := archives.repeated([info.filename for info in infos]):
        raise ValueError(f"two of its parts are called {twice[0]}")
    grown = sum(info.file_size for info in infos) - path.stat().st_size
    reading.check_size(path, grown, "what is packed in it")
    members = {}
    for info in infos:
        archives.check_member(path, info, f"part {reading.quoted(info.filename)}")
        members[info.filename] = _content(archive, info)
    return members


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytearray:
    """Bytes of a member, grown as they come: its size is only what its entry says."""
    content = bytearray()
    with archive.open(info) as member:
        while part := member.read(_CHUNK):
            content += part
    return content


def _folder(members: dict[str, bytearray]) -> str:
    """The name before all others in an archive of torch's, with its slash."""
    ends = [name for name in members if name.endswith("data.pkl") and name.count("/") <= 1]
    folder = ends[0].removesuffix("data.pkl") if len(ends) == 1 else ""
    if len(ends) != 1 or f"{folder}constants.pkl" in members:
        what = "a TorchScript program" if ends else "a zip archive without data.pkl"
        raise ValueError(f"it is {what}")
    return folder


def _read_old(path: Path, plain: containers.Plain) -> tuple[pickles.Unpickled, Any]:
    with (
        path.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        found = pickles.load_old(cast(IO[bytes], mapped), len(mapped))
        return found, plain.make(found.value)
