"""The home of the cohort within which a question is asked, by whom it leaves out."""

from __future__ import annotations

from collections.abc import Sequence

from pyroaring import BitMap

from beacon.framework.answer import Part
from beacon.mongo.enough import people_of_entries
from beacon.mongo.layers import Layers
from beacon.mongo.plan import Plan
from beacon.mongo.rows import cohort_members, project


async def part_of(
    layers: Layers, plan: Plan, count: int, ordinals: Sequence[int] | BitMap | None
) -> Part | None:
    """Who is left in the cohort, and who is not in it; `None` for other questions.

    Args:
        layers: Where rows and cohorts are.
        plan: What is asked of which dataset.
        count: How many entries of the delivered type are counted.
        ordinals: Which; `None` is all.
    """
    within = plan.query.within
    if within is None or within.entry_type != "cohort":
        return None
    rows = BitMap()
    if any(one["id"] == within.id for one in await layers.cohorts(plan.dataset.metadata)):
        rows = await cohort_members(layers, plan, within.id)
    if plan.excluded is not None:
        rows = rows - plan.excluded
    size, chosen = await project(layers, plan, rows, None)
    everything = BitMap(range(plan.dataset.counts[plan.query.entry_type]))
    inside = everything if chosen is None else BitMap(chosen)
    counted = everything if ordinals is None else BitMap(ordinals)
    others, outside = inside - counted, everything - inside
    return Part(
        size=size,
        others=await people_of_entries(layers, plan, len(others), others),
        outside=await people_of_entries(layers, plan, len(outside), outside),
    )
