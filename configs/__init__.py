"""One recipe file a system; see jaxsign/config.py for the keys that all of them share."""
