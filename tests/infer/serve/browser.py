"""A headless Chromium that tests press the page with, by WebDriver's own protocol."""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def missing():
    """What there is not on this machine, or ''."""
    return ", ".join(name for name in ("chromium", "chromedriver") if not shutil.which(name))


class Browser:
    """A session; `base` is its address at chromedriver."""

    def __init__(self, base):
        self.base = base

    def call(self, method, path, value=None):
        data = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def go(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, code, *arguments):
        """What `return ...` in the page gives."""
        return self.call("POST", "/execute/sync", {"script": code, "args": list(arguments)})

    def find(self, css):
        found = self.call("POST", "/element", {"using": "css selector", "value": css})
        return found[_ELEMENT]

    def click(self, css):
        self.call("POST", f"/element/{self.find(css)}/click", {})

    def type(self, css, text):
        self.call("POST", f"/element/{self.find(css)}/value", {"text": text})

    def press(self, key):
        """A key, wherever the page's focus is."""
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": keys}]})

    def text(self, css):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", css)

    def shown(self, css):
        return self.run("return !!document.querySelector(arguments[0])?.checkVisibility()", css)

    def wait(self, css, seconds=60):
        """Until something is to be seen."""
        end = time.monotonic() + seconds
        while not self.shown(css):
            assert time.monotonic() < end, f"{css} is not shown; error: {self.text('#error')!r}"
            time.sleep(0.1)

    def size(self, width, height, scheme="light"):
        """The window's, and whether the desktop is light or dark."""
        window = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.dev("Emulation.setDeviceMetricsOverride", window)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.dev("Emulation.setEmulatedMedia", {"features": features})

    def dev(self, command, values):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": values})

    def picture(self, path):
        """All of the page as PNG."""
        made = self.dev("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(made["data"]))

    def log(self):
        """What the page's console says."""
        return [one["message"] for one in self.call("POST", "/se/log", {"type": "browser"})]


@contextlib.contextmanager
def opened():
    """A browser, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(f"http://127.0.0.1:{port}")
        try:
            options = {"args": [*FLAGS, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            browser.base += "/session/" + _session(browser, wanted)
            try:
                yield browser
            finally:
                browser.call("DELETE", "")
        finally:
            driver.terminate()
            driver.wait(10)


def _session(browser, wanted):
    for _ in range(50):
        with contextlib.suppress(OSError):
            made = browser.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            return made["sessionId"]
        time.sleep(0.1)
    raise AssertionError("chromedriver does not start")
