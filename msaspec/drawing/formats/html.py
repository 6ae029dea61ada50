"""One page that holds all of it: the picture, what each arrow becomes, and the page of `msaspec explain` of each entry.

It loads nothing and sends nothing: a policy in its head says so.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from msaspec.diagnostics import printable
from msaspec.drawing.formats import svg
from msaspec.drawing.layout import layout
from msaspec.drawing.picture import Picture

STYLE = """\
:root { color-scheme: light dark }
body { margin: 0; font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif }
main { overflow: auto; padding-bottom: 45vh }
svg { display: block; margin: 0 auto }
.node { cursor: pointer } .node:focus { outline: none }
.node:hover rect, .node:focus rect, .node.chosen rect { stroke-width: 2.5; stroke: #0969da }
.arrow:hover path, .arrow.near path { stroke: #0969da; stroke-width: 2.5 }
.arrow:hover polygon, .arrow.near polygon { fill: #0969da }
.arrow:hover path.hit, .arrow.near path.hit { stroke: transparent; stroke-width: 12 }
aside { position: fixed; inset: auto 0 0 0; max-height: 42vh; overflow: auto; padding: 12px 20px;
  background: Canvas; color: CanvasText; border-top: 1px solid GrayText }
aside h2 { margin: 0 0 6px; font-size: 16px } aside pre { margin: 0; font-size: 12.5px; white-space: pre-wrap }
"""
SCRIPT = """\
const known = JSON.parse(document.getElementById("known").textContent);
const panel = document.querySelector("aside"), head = panel.querySelector("h2"), text = panel.querySelector("pre");
let chosen = null;
function show(title, lines) { head.textContent = title; text.textContent = lines; }
function arrow(group) { return known.arrows[Number(group.dataset.arrow)]; }
function rest() { chosen ? open(chosen) : show(known.title, known.hint); }
function open(node) {
  chosen = node;
  const id = node.dataset.node;
  for (const each of document.querySelectorAll(".node")) each.classList.toggle("chosen", each === node);
  for (const each of document.querySelectorAll(".arrow"))
    each.classList.toggle("near", [arrow(each).source, arrow(each).target].includes(id));
  show(id, known.pages[id] || "It is no entry of the manifest: msaspec makes it for those that are.");
}
for (const each of document.querySelectorAll(".arrow")) {
  each.addEventListener("mouseenter", () => {
    const found = arrow(each);
    show(`${found.source} \\u2192 ${found.target}`, found.becomes.join("\\n"));
  });
  each.addEventListener("mouseleave", rest);
}
for (const each of document.querySelectorAll(".node")) {
  each.setAttribute("tabindex", "0");
  each.addEventListener("click", () => open(each));
  each.addEventListener("keydown", event => { if (event.key === "Enter") open(each); });
}
rest();
"""
HINT = "Point at an arrow to see what it becomes. Click a box to read what msaspec explains of it."


def render(picture: Picture) -> str:
    """Return the page."""
    known = {
        "title": picture.title,
        "hint": HINT,
        "pages": dict(picture.pages),
        "arrows": [
            {"source": each.source, "target": each.target, "becomes": list(each.becomes)} for each in picture.arrows
        ],
    }
    # `<` is the only character that could end the element.
    data = printable.to_json(known).replace("<", "\\u003c")
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'"
    drawing = "\n".join(svg.lines(layout(picture)))
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(picture.title)}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
{drawing}
</main>
<aside aria-live="polite"><h2></h2><pre></pre></aside>
<script type="application/json" id="known">{data}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""
