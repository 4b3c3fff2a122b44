"""Write the tables of docs/performance.md from what `make bench` wrote.

make bench                                            # writes output/bench.json
python docs/make_performance.py output/bench.json     # rewrites the tables in docs/performance.md
"""

import json
import re
import sys
from pathlib import Path

from srnet_core.markdown import markdown_table

PAGE = Path(__file__).resolve().parent / "performance.md"
_MARKED = re.compile(r"(<!-- (machine|speeds|targets|rows (\w+)) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(page: str, bench: dict) -> str:
    """The page with everything between its marks made anew. Lines that were not measured leave their table as it is."""
    lines = [line for line in bench["lines"] if "failed" not in line]

    def fill(match: re.Match) -> str:
        kind, name = match[2].split()[0], match[3]
        made = {"machine": machine, "speeds": speeds, "targets": targets}.get(kind)
        text = made(bench, lines) if made else rows(next((e for e in lines if e["name"] == name), None))
        return f"{match[1]}{text}\n{match[4]}" if text else match[0]

    return _MARKED.sub(fill, page)


def machine(bench: dict, lines: list[dict]) -> str:
    m = bench["machine"]
    about = f"{m['processor']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['instructions']}, {m['threads']} threads"
    quick = " **Made with --quick: the numbers mean nothing.**" if bench["quick"] else ""
    versions = f"torch {m['torch']}, Python {m['python']}"
    return f"{about}; {versions}; load {m['load']} before and {m['load_after']} after.{quick}"


def speeds(bench: dict, lines: list[dict]) -> str:
    body = []
    for line in lines:
        for index, s in enumerate(line["speeds"]):
            times = ["", ""] if index == 0 else [f"{s['times_faster']:.2f}", f"{s['times_faster_cpu']:.2f}"]
            share = "" if s["share_of_limit"] is None else f"{100 * s['share_of_limit']:.0f} %"
            gflops = "" if s["gflops"] is None else f"{s['gflops']:.0f}"
            speed = f"{s['per_second']:,.0f} {line['unit']}/s"
            body.append([line["title"] if index == 0 else "", s["name"], speed, gflops, share, *times])
        if line["limit_gflops"]:
            limits = ", ".join(f"{name} {value:.0f}" for name, value in line["limit_gflops"].items())
            body.append(["", f"*limit: {limits}*", "", "", "", "", ""])
    heads = ["what", "who", "speed", "GFLOP/s", "of the limit", "srnet is x times faster", "by processor time"]
    return table(heads, body, text=2) if body else ""


def targets(bench: dict, lines: list[dict]) -> str:
    body = [
        [line["title"] if index == 0 else "", *_target_cells(target)]
        for line in lines
        for index, target in enumerate(line["targets"])
    ]
    return table(["what", "number", "asked", "measured", "reached", "note"], body, text=2) if body else ""


def _target_cells(t: dict) -> list[str]:
    asked = f"{'>=' if t['at_least'] else '<='} {number(t['bound'])} {t['unit']}"
    measured = f"{number(t['measured'])} {t['unit']}"
    return [t["what"], asked, measured, "yes" if t["reached"] else "**no**", t["note"]]


def rows(line: dict | None) -> str:
    if line is None or not line["rows"]:
        return ""
    heads = list(line["rows"][0])
    body = [
        [number(row[h]) if isinstance(row[h], (int, float)) else str(row[h]) for h in heads] for row in line["rows"]
    ]
    text = sum(isinstance(line["rows"][0][h], str) for h in heads)
    return table(heads, body, text=text)


def number(value: float) -> str:
    """With as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def table(heads: list[str], body: list[list[str]], *, text: int) -> str:
    return markdown_table(heads, body, right=range(text, len(heads)))


if __name__ == "__main__":
    made = with_tables(PAGE.read_text(encoding="utf-8"), json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    PAGE.write_text(made, encoding="utf-8")
