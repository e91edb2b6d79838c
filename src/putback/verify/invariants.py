"""What every run must leave behind: no connection out without an owner, and nothing worse than the remarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from putback.model.running import Broken
from putback.verify.events import What
from putback.verify.ownership import owns, reaches
from putback.verify.resource import Connection
from putback.verify.slot import Place, Slot

if TYPE_CHECKING:
    from putback.verify.world import World


def check(world: World, result: Any, is_generator: bool) -> bool:
    """Judge the end of a run; answers whether an owner outside has got a connection.

    What a generator yields is lent, not handed on.
    """
    handed_on = False
    for slot in world.connections.slots:
        if slot.outlives:
            continue
        if slot.is_lent:
            if slot.place is Place.BROKEN:
                world.violated(Broken.CLOSED, slot.name, slot.role.callee)
            elif slot.lives_on and slot.failed and slot.handler:
                world.violated(Broken.OPEN_TRANSACTION, slot.name, slot.role.callee, slot.handler)
            continue
        if slot.place is Place.BACK and slot.left_failed:
            world.violated(Broken.OPEN_TRANSACTION, slot.name, slot.role.callee, slot.left_handler)
        if slot.place is Place.BACK and _is_handed_out(result, slot):
            world.violated(Broken.HANDED_OUT_CLOSED, slot.name, slot.role.callee)
        if slot.place is Place.BROKEN:
            world.violated(Broken.CLOSED, slot.name, slot.role.callee)
        if not slot.is_out or slot.handed_on:
            handed_on = handed_on or slot.handed_on
        elif _has_owner(world, slot, result, is_generator):
            handed_on = True
        elif slot.holds:
            world.violated(Broken.LEAK, slot.name, slot.role.callee)
        elif slot.used:
            world.violated(Broken.NOT_CLOSED, slot.name, slot.role.callee)
    for cursor in world.connections.open_cursors:
        world.note(What.INFO, f"{cursor._pb_name} is left open")
    return handed_on


def _is_handed_out(result: Any, slot: Slot) -> bool:
    """Whether the caller gets the connection itself."""
    values = result if isinstance(result, (tuple, list)) else (result,)
    return any(isinstance(v, Connection) and v._pb_slot is slot for v in values)


def _has_owner(world: World, slot: Slot, result: Any, is_generator: bool) -> bool:
    if any(reaches(value, slot) for value in world.kept):
        return True
    return not is_generator and owns(result, slot)
