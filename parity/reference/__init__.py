"""The original systems in torch, with their state_dict keys: what jaxsign is compared with.

These modules are checked against the golden cases themselves, so that a training run or a
benchmark can trust them where no golden case exists. Nothing in jaxsign imports them.
"""
