"""Chromium, driven by the WebDriver protocol (https://www.w3.org/TR/webdriver2/)."""

import base64
import re
import shutil
import subprocess
import time
from contextlib import contextmanager

import httpx

DRIVER = shutil.which("chromedriver")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


class Browser:
    """One window."""

    def __init__(self, client):
        self._client = client
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": _OPTIONS},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        made = self._post("/session", {"capabilities": {"alwaysMatch": wanted}})
        self._at = f"/session/{made['sessionId']}"

    def _post(self, address, content):
        answer = self._client.post(address, json=content).json()["value"]
        assert not isinstance(answer, dict) or "error" not in answer, answer
        return answer

    def open(self, url):
        self._post(f"{self._at}/url", {"url": url})

    def size(self, width, height):
        """Show the page as a screen of this size would."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        self._post(f"{self._at}/goog/cdp/execute", command)

    def script(self, text, *arguments):
        """Run JavaScript in the page; return what it returns."""
        return self._post(f"{self._at}/execute/sync", {"script": text, "args": list(arguments)})

    def choose_file(self, selector, path):
        """Choose a file in an input, as a person does in the dialogue."""
        found = self._post(f"{self._at}/element", {"using": "css selector", "value": selector})
        self._post(f"{self._at}/element/{found[_ELEMENT]}/value", {"text": str(path)})

    def click(self, selector):
        found = self._post(f"{self._at}/element", {"using": "css selector", "value": selector})
        self._post(f"{self._at}/element/{found[_ELEMENT]}/click", {})

    def type(self, selector, text):
        found = self._post(f"{self._at}/element", {"using": "css selector", "value": selector})
        self._post(f"{self._at}/element/{found[_ELEMENT]}/value", {"text": text})

    def wait(self, script, seconds=20):
        """Return what the script returns, once that is something."""
        until = time.monotonic() + seconds
        while not (found := self.script(script)):
            assert time.monotonic() < until, f"{script}\n{self.script(PAGE)}"
            time.sleep(0.05)
        return found

    def screenshot(self, path):
        data = self._client.get(f"{self._at}/screenshot").json()["value"]
        path.write_bytes(base64.b64decode(data))

    def complaints(self):
        """What the browser wrote to its console: errors, refused content."""
        found = self._post(f"{self._at}/se/log", {"type": "browser"})
        return [entry["message"] for entry in found]


PAGE = "return document.body.innerText"


@contextmanager
def browser():
    """Start Chromium; its profile is a temporary one."""
    with subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            for line in driver.stdout:
                if found := re.search(r"started successfully on port (\d+)", line):
                    break
            address = f"http://127.0.0.1:{found[1]}"
            with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
                made = Browser(client)
                yield made
                client.delete(made._at)
        finally:
            driver.terminate()
