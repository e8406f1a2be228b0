"""Thread messages: ORDEREDSUBJECT and REFERENCES (RFC 5256 3).

The time is almost linear in the number of messages, and no recursion depends on the depth of a thread: message IDs are
untrusted input.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lazr.smtptest.protocol.imap.message_sort import SortFacts

__all__ = ["ThreadNode", "build_threads", "format_threads"]


class ThreadNode:
    """A message of a thread with the replies to it.

    A dummy without `facts` holds messages whose parent is missing.
    """

    __slots__ = ("children", "facts", "parent")

    def __init__(self, facts: SortFacts | None = None, children: Iterable[ThreadNode] = ()) -> None:
        self.facts: SortFacts | None = facts
        self.children: list[ThreadNode] = [*children]
        self.parent: ThreadNode | None = None

    @property
    def first(self) -> SortFacts:
        """The message, or that of the first child; a dummy has children that are messages."""
        node = self
        while node.facts is None:
            node = node.children[0]
        return node.facts


def build_threads(algorithm: str, messages: Sequence[SortFacts]) -> list[ThreadNode]:
    """Return the threads of messages.

    Args:
        algorithm: `ORDEREDSUBJECT` or `REFERENCES`.
        messages: The messages by UID.
    """
    return _thread_by_subject(messages) if algorithm == "ORDEREDSUBJECT" else _thread_by_references(messages)


def _get_moment(node: ThreadNode) -> tuple[float, int]:
    return node.first.sent, node.first.uid


def _thread_by_subject(messages: Sequence[SortFacts]) -> list[ThreadNode]:
    threads: dict[str, ThreadNode] = {}
    for facts in sorted(messages, key=lambda facts: (facts.sent, facts.uid)):
        root = threads.get(facts.subject.text)
        if root is None:
            threads[facts.subject.text] = ThreadNode(facts)
        else:
            root.children.append(ThreadNode(facts))
    return list(threads.values())


def _thread_by_references(messages: Sequence[SortFacts]) -> list[ThreadNode]:
    roots = _prune_dummies(_link_references(messages))
    roots = _merge_subjects(sorted(roots, key=_get_moment))
    for node in _list_bottom_up(roots):
        node.children.sort(key=_get_moment)
    return sorted(roots, key=_get_moment)


class _Forest:
    """Nodes by message ID, and links between them that form no loop."""

    def __init__(self) -> None:
        self.nodes: dict[int, ThreadNode] = {}
        self._leaders: dict[ThreadNode, ThreadNode] = {}  # a union-find of the trees

    def get(self, message_id: int) -> ThreadNode:
        return self.nodes.setdefault(message_id, ThreadNode())

    def link(self, parent: ThreadNode, child: ThreadNode) -> None:
        """Make a node the parent of another, if that has none and no loop results."""
        if child.parent is None:
            parent_leader, child_leader = self._find_leader(parent), self._find_leader(child)
            if parent_leader is not child_leader:
                child.parent = parent
                self._leaders[child_leader] = parent_leader

    def _find_leader(self, node: ThreadNode) -> ThreadNode:
        path = []
        while (leader := self._leaders.get(node)) is not None:
            path.append(node)
            node = leader
        for each in path:
            self._leaders[each] = node
        return node


def _link_references(messages: Sequence[SortFacts]) -> list[ThreadNode]:
    """Return the roots after step 1 and 2 of RFC 5256 3, REFERENCES."""
    forest = _Forest()
    own: list[ThreadNode] = []
    for number, facts in enumerate(messages, 1):
        node = forest.get(facts.message_id) if facts.message_id else None
        if node is None or node.facts is not None:  # without a Message-ID, or the second with it
            node = forest.nodes[-number << 64] = ThreadNode()
        node.facts = facts
        own.append(node)
    # The parent that a message names goes before one that others imply, even if it would close a loop (step 1 B).
    settled: set[ThreadNode] = set()
    for node, facts in zip(own, messages, strict=True):
        if facts.references:
            forest.link(forest.get(facts.references[-1]), node)
            settled.add(node)
    for facts in messages:
        for parent, child in zip(facts.references, facts.references[1:], strict=False):
            child_node = forest.get(child)
            if child_node not in settled:
                forest.link(forest.get(parent), child_node)
    for node in forest.nodes.values():
        if node.parent is not None:
            node.parent.children.append(node)
    return [node for node in forest.nodes.values() if node.parent is None]


def _list_bottom_up(roots: Iterable[ThreadNode]) -> list[ThreadNode]:
    """Return all nodes, each one after its children."""
    found: list[ThreadNode] = []
    waiting = [*roots]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += node.children
    return found[::-1]


def _prune_dummies(roots: Sequence[ThreadNode]) -> list[ThreadNode]:
    """Replace dummies with their children, except for roots with several (step 3)."""
    for node in _list_bottom_up(roots):
        node.children = [kept for child in node.children for kept in ([child] if child.facts else child.children)]
    pruned: list[ThreadNode] = []
    for root in roots:
        pruned += [root] if root.facts or len(root.children) > 1 else root.children
    return pruned


def _is_reply(node: ThreadNode) -> bool:
    return node.facts is not None and node.facts.subject.is_reply


def _merge_subjects(roots: Sequence[ThreadNode]) -> list[ThreadNode]:
    """Merge roots with one base subject (step 5)."""
    groups: dict[str, list[ThreadNode]] = {}
    merged: list[ThreadNode] = []
    for root in roots:
        subject = root.first.subject.text
        if subject:
            groups.setdefault(subject, []).append(root)
        else:
            merged.append(root)
    return merged + [_merge_group(group) for group in groups.values()]


def _merge_group(group: Sequence[ThreadNode]) -> ThreadNode:
    leader = group[0]
    for root in group:
        if (root.facts is None and leader.facts is not None) or (_is_reply(leader) and not _is_reply(root)):
            leader = root
    top = leader
    for root in group:
        if root is leader:
            continue
        if top.facts is None:
            top.children += [root] if root.facts else root.children
        elif _is_reply(root) and not _is_reply(top):
            top.children.append(root)
        else:
            top = ThreadNode(None, [top, root])
    return top


def format_threads(threads: Iterable[ThreadNode], get_number: Callable[[int], int]) -> Iterator[str]:
    """Yield the threads in pieces, such as `(2)(3 6 (4 23)(44 7 96))` (RFC 5256 4).

    Args:
        threads: The threads.
        get_number: Returns what the client calls a message, by its UID: its number, or the UID.
    """
    for thread in threads:
        waiting: list[ThreadNode | str] = [")", thread, "("]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str):
                yield item
                continue
            if item.facts is not None:
                yield str(get_number(item.facts.uid))
                if item.children:
                    yield " "
            if len(item.children) == 1:
                waiting.append(item.children[0])
            else:
                for child in reversed(item.children):
                    waiting += (")", child, "(")
