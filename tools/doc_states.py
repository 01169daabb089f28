"""Draw the life of a job from its transition table, as a Mermaid state diagram."""

from collections.abc import Mapping

from runnel.domain.jobs import TERMINAL, TRANSITIONS, JobState


def state_diagram(transitions: Mapping[JobState, frozenset[JobState]] = TRANSITIONS) -> str:
    """Give the diagram; the ends that every living state may take are drawn once, from the box around them all."""
    living = [state for state in JobState if state not in TERMINAL]
    shared = frozenset.intersection(*(transitions[state] for state in living))
    lines = ["stateDiagram-v2", "    [*] --> queued", "    state living {"]
    lines += [f"        {old} --> {new}" for old in living for new in _in_order(transitions[old] - shared - TERMINAL)]
    lines += ["    }"]
    lines += [f"    {old} --> {new}" for old in living for new in _in_order((transitions[old] - shared) & TERMINAL)]
    lines += [f"    living --> {new}" for new in _in_order(shared)]
    lines += [f"    {end} --> [*]" for end in _in_order(TERMINAL)]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def _in_order(states: frozenset[JobState]) -> list[JobState]:
    return [state for state in JobState if state in states]
