"""How WhisperSign's data are made: Leap Motion recordings, splits, folders of videos and arrays."""

import numpy as np

from jaxsign.input import leap_motion
from parity import cases

Arrays = dict[str, np.ndarray]


def leap_motion_adapter(case: cases.Case) -> Arrays:
    """JSON frames, arrays of joints and bones, and a CSV file, as the original reads them."""
    names = {"normalize_coords": "normalise", "sensor_range_mm": "range_mm", "fps": "fps"}
    produced: Arrays = {}
    for name, options in case.call["runs"].items():
        chosen = {names[key]: value for key, value in options.items()}
        sensor = leap_motion.LeapMotion(upstream=True, **chosen)
        for frame in case.call["frames"]:
            sensor.add_frame(frame)
        produced[f"output/{name}"] = sensor.get_sequence()
    sensor = leap_motion.LeapMotion(upstream=True)
    joints, table = case.inputs["joints_xyz"], case.path.parent / case.call["csv"]
    return produced | {
        "output/joints_xyz_right": sensor.array(joints, "joints_xyz", "right"),
        "output/joints_xyz_left": sensor.array(joints, "joints_xyz", "left"),
        "output/flat_right": sensor.array(case.inputs["flat"], "flat", "right"),
        "output/bones_right": sensor.array(case.inputs["bones"], "bones", "right"),
        "output/T1_right": sensor.array(joints[:1], "joints_xyz", "right"),
        "output/csv_default": sensor.csv(table),
        "output/csv_left": sensor.csv(table, "left"),
    }
