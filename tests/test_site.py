"""The site of the documents, as `scripts/docs` built it: complete, by itself, and readable in a real browser."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "site"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="needs the site, which scripts/docs builds")

LOOK = """<!doctype html><title>look</title><script>
const pages = PAGES, widths = [360, 1280], found = [];
async function look() {
  for (const page of pages) for (const width of widths) {
    const frame = document.createElement("iframe");
    frame.style.width = width + "px"; frame.style.height = "800px"; frame.style.border = "0";
    frame.src = page;
    await new Promise(done => { frame.onload = done; document.body.append(frame); });
    const inside = frame.contentDocument, text = inside.querySelector("article");
    const box = text && text.getBoundingClientRect();
    found.push({page, width, title: inside.title, wide: inside.documentElement.scrollWidth,
      left: box && box.left, right: box && box.right, headings: inside.querySelectorAll("article h1").length});
    frame.remove();
  }
  await fetch("/found", {method: "POST", body: JSON.stringify(found)});
}
addEventListener("load", look);
</script><body></body>"""


def pages() -> list[str]:
    """The first page, the guides and the reference."""
    guides = [*SITE.glob("docs/guides/*.html"), *SITE.glob("docs/reference/*.html")]
    return ["index.html", "CHANGELOG.html", *sorted(str(path.relative_to(SITE)) for path in guides)]


def seen(folder: Path) -> list[dict[str, Any]]:
    """What a browser with an empty profile finds on each page, at two widths."""
    assert BROWSER
    found: list[dict[str, Any]] = []
    heard = threading.Event()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/look":
                return super().do_GET()
            body = LOOK.replace("PAGES", json.dumps(pages())).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return None

        def do_POST(self) -> None:
            found.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            heard.set()

        def log_message(self, *ignored: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(SITE))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        words += ["--window-size=1400,900", f"--user-data-dir={folder / 'profile'}"]
        command = [BROWSER, *words, f"http://127.0.0.1:{server.server_port}/look"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                assert heard.wait(300)
            finally:
                process.kill()
        server.shutdown()
        thread.join()
    return found


@pytest.mark.skipif(BROWSER is None, reason="needs a headless Chromium (Debian's package chromium)")
def test_pages_fit_a_telephone_and_a_desk(tmp_path: Path) -> None:
    """No page is wider than the window, at 360 and 1280 pixels, and each has its heading and its text."""
    found = seen(tmp_path)
    assert len(found) == 2 * len(pages())
    wide = [(each["page"], each["width"], each["wide"]) for each in found if each["wide"] > each["width"]]
    assert wide == []
    assert {each["headings"] for each in found} == {1}
    assert all(each["title"] and 0 <= each["left"] < each["right"] <= each["width"] for each in found)


def test_every_document_is_a_page() -> None:
    """Guides, reference, decisions and the documents of the project."""
    documents = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").rglob("README.md")]
    missing = [path for path in documents if not (SITE / path.relative_to(ROOT).with_suffix(".html")).exists()]
    assert missing == []


def test_the_site_needs_no_other() -> None:
    """It loads nothing from elsewhere, so that it can be read offline."""
    for page in SITE.rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"([^\"]+)\"", page.read_text("utf-8"))
        assert [address for address in loaded if re.match(r"(https?:)?//", address)] == [], page


def test_the_search_knows_the_diagnostics() -> None:
    """A code leads to its manual page."""
    index = (SITE / "searchindex.js").read_text("utf-8")
    assert '"msa303"' in index.lower() or "msa303:" in index.lower()
