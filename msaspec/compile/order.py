"""In which order services start: who is called comes first, where the uses of services are no circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


def before(
    uses: Mapping[str, Iterable[str]], bound: Mapping[str, Iterable[str]] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return for each service those of the services it uses that can start before it: all but the ones that lead back.

    `bound` are those that must come before it in any case.

    >>> before({"a": ["b"], "b": ["c", "d"], "c": ["b"], "d": []})
    {'a': ('b',), 'b': ('d',), 'c': (), 'd': ()}
    >>> before({"a": ["b"], "b": []}, {"b": ["a"]})
    {'a': (), 'b': ()}
    """
    circle = circles({name: [*used, *(bound or {}).get(name, ())] for name, used in uses.items()})
    return {name: tuple(sorted(each for each in used if circle[each] != circle[name])) for name, used in uses.items()}


def circles(uses: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """Return a number for each service, the same for those that lead to each other (Tarjan, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    found: dict[str, int] = {}
    path: list[str] = []
    for root in sorted(uses):
        if root in index:
            continue
        work: list[tuple[str, Iterator[str]]] = [(root, iter(sorted(uses[root])))]
        index[root] = low[root] = len(index)
        path.append(root)
        while work:
            name, rest = work[-1]
            for used in rest:
                if used not in index:
                    index[used] = low[used] = len(index)
                    path.append(used)
                    work.append((used, iter(sorted(uses.get(used, ())))))
                    break
                if used not in found:
                    low[name] = min(low[name], index[used])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    while True:
                        member = path.pop()
                        found[member] = index[name]
                        if member == name:
                            break
    return found
