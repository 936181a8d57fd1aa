"""What attacks reached, as JSON that is kept, and as a page with a picture made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.attacks.stage import Arm

DOCS = Path(__file__).parents[2] / "docs"
JSON = DOCS / "privacy-evidence.json"
PAGE = DOCS / "privacy-evidence.md"
PICTURE = DOCS / "privacy-evidence.svg"

TITLES = {
    "A1": "Yes or no, in random order (Shringarpure and Bustamante 2015)",
    "A2": "Best order, by likelihood (Raisaro et al. 2017)",
    "A3": "Frequencies (Homer et al. 2008; Sankararaman et al. 2009)",
    "A4": "Neighbours and inferred alleles (von Thenen et al. 2019)",
    "A5": "Differences between filters",
    "A6": "Averaging, and other words for the same",
    "A7": "Differences between releases (Ayoz et al. 2021)",
    "A8": "Accounts that collude",
    "A9": "What stands beside an answer",
    "A10": "Time",
    "A11": "Cases that everybody is compared with",
    "U1": "Honest look-ups",
    "U2": "Numbers of 100 people and more",
    "U3": "What protections cost",
    "U4": "The ledger",
}


def invalid(arms: Sequence[Arm]) -> list[Arm]:
    """Controls that failed: what protections withstood is no evidence then."""
    return [one for one in arms if one.beacon == "off" and not one.ok]


def failed(arms: Sequence[Arm]) -> list[Arm]:
    """Protections that did not hold."""
    return [one for one in arms if one.beacon != "off" and not one.ok]


def document(arms: Sequence[Arm], about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything, as it is kept under version control.

    Args:
        arms: What was found.
        about: What was attacked, and when.

    Returns:
        This, with what the file that is there says of other attacks.
    """
    found = [
        {**_rounded(asdict(one)), "ok": one.ok, "date": about["date"], "load": about["load"]}
        for one in arms
    ]
    if JSON.exists():
        names = {one.attack for one in arms}
        before = json.loads(JSON.read_text(encoding="utf-8"))["attacks"]
        found += [one for one in before if one["attack"] not in names]
    order = list(TITLES)
    found.sort(key=lambda one: order.index(one["attack"]))
    controls = [one for one in found if one["beacon"] == "off"]
    return {
        "about": {key: value for key, value in about.items() if key != "load"},
        "valid": all(one["ok"] for one in controls),
        "held": all(one["ok"] for one in found if one["beacon"] != "off"),
        "attacks": found,
    }


def write(found: Mapping[str, Any]) -> None:
    """The JSON, the picture and the page."""
    JSON.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PICTURE.write_text(picture(found), encoding="utf-8")
    PAGE.write_text(page(found), encoding="utf-8")


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: round(float(value), 4) if isinstance(value, float) else value
        for key, value in values.items()
        if value is not None and not (isinstance(value, list | str) and not value)
    }


# The page ------------------------------------------------------------------------------------


def page(found: Mapping[str, Any]) -> str:
    """The page of a run; it says nothing that is not in the run's JSON."""
    about = found["about"]
    arms = found["attacks"]
    lines = [
        "<!-- Written by tests/attacks. Do not edit. -->",
        "# Privacy evidence",
        "",
        "What attackers reach who ask a running beacon over HTTP: with all protections off, as a "
        "control, and with those that registered callers meet. `make attack` measures it anew and "
        "writes this page, its picture and `privacy-evidence.json`.",
        "",
        f"Run of {about['date']} on {about['cores']} cores, at a load average of {_loads(arms)}. "
        f"{about['people']} invented people with linkage and a rare tail at {about['sites']} "
        f"sites, of whom {', '.join(map(str, about['sizes']))} are in datasets; {about['targets']} "
        "targets in and as many outside, a new account for each. Registered callers: from 10 "
        "people on, rounded to 10, noise 0.3, a budget for a power of 0.2.",
        "",
        _verdict(found),
        "",
        "![Power against the number of questions](privacy-evidence.svg)",
        "",
        "A *control* has to succeed, or what the protections withstood proves nothing. Power is "
        "the share of members who are found at 5 % false positives; in brackets is its 95 % "
        "interval (Clopper and Pearson), the threshold taken as given. That is estimated from as "
        "few others: a power near the budget's own is another by up to 0.1 in the next run.",
        "",
    ]
    for attack, title in TITLES.items():
        own = [one for one in arms if one["attack"] == attack]
        if own:
            lines += [f"## {attack}. {title}", "", *_table(own), ""]
    lines += ["## Curves", "", *_curves(arms), ""]
    return "\n".join(lines)


def _loads(arms: Sequence[Mapping[str, Any]]) -> str:
    loads = sorted({one["load"] for one in arms})
    return f"{loads[0]}" if len(loads) == 1 else f"{loads[0]} to {loads[-1]}"


def _verdict(found: Mapping[str, Any]) -> str:
    broken = [one for one in found["attacks"] if not one["ok"]]
    controls = [one for one in broken if one["beacon"] == "off"]
    if controls:
        names = ", ".join(sorted({one["attack"] for one in controls}))
        return f"**Not valid: controls of {names} failed.**"
    if broken:
        names = ", ".join(sorted({one["attack"] for one in broken}))
        return f"**All controls succeeded. Limits that are not kept: {names}.**"
    return "**All controls succeeded, and all limits are kept.**"


def _table(arms: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "| beacon | attack | people | questions | value | limit | 95 % after | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in arms:
        value = f"{one['value']:.3g}"
        if interval := one.get("interval"):
            value += f" ({interval[0]:.2f} to {interval[1]:.2f})"
        measure = one["measure"]
        title = one["title"] if measure.startswith("power") else f"{one['title']}; {measure}"
        if note := one.get("note"):
            title += f" ({note})"
        lines.append(
            f"| {'control' if one['beacon'] == 'off' else one['beacon']} | {title} "
            f"| {one.get('people', '')} | {_number(one.get('questions'))} | {value} "
            f"| {_limit(one)} | {one.get('queries_to_95', '')} | {_outcome(one)} |"
        )
    return lines


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def _limit(one: Mapping[str, Any]) -> str:
    if "at_least" in one:
        return f"≥ {one['at_least']:g}"
    return f"≤ {one['at_most']:g}" if "at_most" in one else ""


def _outcome(one: Mapping[str, Any]) -> str:
    if "at_least" not in one and "at_most" not in one:
        return ""
    if one["beacon"] == "off":
        return "control ok" if one["ok"] else "**control failed**"
    return "kept" if one["ok"] else "**not kept**"


def _curves(arms: Sequence[Mapping[str, Any]]) -> list[str]:
    rates = [one[0] for one in next(one["roc"] for one in arms if "roc" in one)]
    lines = [
        "Power at other rates of false positives:",
        "",
        f"| attack | {' | '.join(f'{one:g}' for one in rates)} |",
        f"|---|{'---|' * len(rates)}",
    ]
    for one in arms:
        if "roc" in one:
            beacon = "control" if one["beacon"] == "off" else one["beacon"]
            cells = " | ".join(f"{power:.2f}" for _, power in one["roc"])
            title = f"{one['attack']}, {beacon}, {one.get('people', '')}: {one['title']}"
            lines.append(f"| {title} | {cells} |")
    return lines


# The picture ---------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _LEFT, _TOP = 760, 380, 60, 30
_PLOT = 430
_COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#7b4fa3", "#b8860b", "#444444", "#00838f", "#ad1457")


def picture(found: Mapping[str, Any]) -> str:
    """Power against the number of questions, as SVG: controls dashed."""
    curves = [
        one
        for one in found["attacks"]
        if one["attack"] in ("A1", "A2", "A4", "A8") and len(one.get("curve", ())) > 1
    ]
    largest = max((one["curve"][-1][0] for one in curves), default=10)
    decades = max(len(str(largest - 1)), 1)

    def across(number: float) -> float:
        return _LEFT + _PLOT * math.log10(max(number, 1)) / decades

    def up(power: float) -> float:
        return _TOP + (_HEIGHT - 80) * (1 - power)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for power in (0, 0.25, 0.5, 0.75, 1):
        y = up(power)
        dash = ' stroke-dasharray="2 3"' if power not in (0, 0.25) else ""
        colour = "#c00" if power == 0.25 else "#bbb"
        parts.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + _PLOT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="{colour}"{dash}/><text x="{_LEFT - 8}" y="{y + 4:.1f}" '
            f'text-anchor="end">{power:g}</text>'
        )
    for decade in range(decades + 1):
        x = across(10**decade)
        parts.append(
            f'<text x="{x:.1f}" y="{up(0) + 18:.1f}" text-anchor="middle">{10**decade:,}</text>'
        )
    parts.append(
        f'<text x="{_LEFT + _PLOT / 2}" y="{_HEIGHT - 12}" text-anchor="middle">questions</text>'
        f'<text x="{_LEFT - 40}" y="{_TOP - 12}">power at 5 % false positives</text>'
    )
    for place, one in enumerate(curves):
        colour = _COLOURS[place % len(_COLOURS)]
        dash = ' stroke-dasharray="5 3"' if one["beacon"] == "off" else ""
        points = " ".join(f"{across(n):.1f},{up(power):.1f}" for n, power in one["curve"])
        y = _TOP + 6 + place * 14
        name = f"{one['attack']} {'control' if dash else one['beacon']}, {one.get('people', '')}"
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>'
            f'<line x1="{_LEFT + _PLOT + 15}" x2="{_LEFT + _PLOT + 40}" y1="{y}" y2="{y}" '
            f'stroke="{colour}" stroke-width="1.6"{dash}/>'
            f'<text x="{_LEFT + _PLOT + 46}" y="{y + 4}">{name}</text>'
        )
    return "\n".join((*parts, "</svg>", ""))
