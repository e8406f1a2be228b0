"""LIST and LSUB: which folders there are (RFC 9051 6.3.9, RFC 3501 6.3.9, RFC 5258)."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import NamedTuple

from lazr.smtptest.protocol.folder_access import FolderError, FolderInfo
from lazr.smtptest.protocol.imap.commands_folders import render_status
from lazr.smtptest.protocol.imap.folder_names import render_folder_name
from lazr.smtptest.protocol.imap.list_pattern import ListPattern
from lazr.smtptest.protocol.imap.responses import join_lines, ok
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lazr.smtptest.protocol.imap.command_types import ListCommand
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["run_list"]

# Names and patterns can have 1,000 characters; other clients have their turn between calls.
_MAX_MATCHES_PER_CALL = 1_000


class ListedFolder(NamedTuple):
    """A folder of the result.

    Args:
        info: The folder; one that does not exist stands for a level.
        has_children: There are folders within it.
        is_selected: It matches the selection options.
        has_selected_descendants: Folders within it do (RFC 5258 3.5, CHILDINFO).
    """

    info: FolderInfo
    has_children: bool
    is_selected: bool
    has_selected_descendants: bool


def run_list(state: ImapState, command: ListCommand) -> Steps:
    """List the folders that match patterns."""
    name = command.name.encode("ascii")
    if command.patterns == ("",):  # RFC 9051 6.3.9: the client asks for the delimiter
        yield b'* %s (\\Noselect) "/" ""\r\n' % name
        return ok(f"{command.name} completed")
    infos: list[FolderInfo] = yield Call(state.get_account().list_folders)
    folders: list[ListedFolder] = []
    found = _find_folders(infos, command)
    limit = max(_MAX_MATCHES_PER_CALL // len(command.patterns), 1)
    while batch := (yield Call(partial(_take, found, limit))):
        folders += filter(None, batch)
    if not command.status_items:
        yield from join_lines(_render_folder(state, folder, command) for folder in folders)
        return ok(f"{command.name} completed")
    for folder in folders:
        yield _render_folder(state, folder, command)
        if folder.info.exists:
            try:
                status = yield Call(partial(state.get_account().get_status, folder.info.name))
            except FolderError:
                continue  # RFC 5819 2: the response is left out
            yield render_status(state, folder.info.name, command.status_items, status)
    return ok("LIST completed")


def _take(found: Iterator[ListedFolder | None], count: int) -> list[ListedFolder | None]:
    return [*islice(found, count)]


def _find_folders(infos: Collection[FolderInfo], command: ListCommand) -> Iterator[ListedFolder | None]:
    """Yield the folders that the command asks for, and the levels above them.

    None stands for a folder that was looked at and is not asked for.
    """
    patterns = [ListPattern(command.reference, pattern) for pattern in command.patterns]
    selected = {info.name for info in infos if _is_selected(info, command)}
    with_children = _find_levels(info.name for info in infos if info.exists)
    below = selected
    if "RECURSIVEMATCH" in command.selection_options:
        # RFC 5258 3.5: CHILDINFO is about folders that the result does not have.
        below = {name for name in selected if not any(pattern.matches(name) for pattern in patterns)}
    above_selected = _find_levels(below)
    by_name = {info.name: info for info in infos}
    shows_levels = _shows_levels(command)
    for name in [*by_name, *sorted(above_selected - by_name.keys())]:
        is_selected = name in selected
        if not (is_selected or (shows_levels and name in above_selected)):
            yield None
        elif any(pattern.matches(name) for pattern in patterns):
            info = by_name.get(name) or FolderInfo(name, exists=False)
            yield ListedFolder(info, name in with_children, is_selected, name in above_selected)
        else:
            yield None


def _is_selected(info: FolderInfo, command: ListCommand) -> bool:
    options = command.selection_options
    if command.name == "LSUB" or "SUBSCRIBED" in options:
        if not info.subscribed:
            return False
    elif not info.exists:  # a level, or a subscription
        return False
    return "SPECIAL-USE" not in options or bool(info.special_use)


def _shows_levels(command: ListCommand) -> bool:
    """Whether levels are shown above folders that match the selection options.

    LSUB does so if the pattern ends with `%` (RFC 3501 6.3.9).
    """
    if command.name == "LSUB":
        return command.patterns[0].endswith("%")
    return "RECURSIVEMATCH" in command.selection_options or not command.selection_options


def _find_levels(names: Collection[str] | Iterator[str]) -> set[str]:
    """Return the names of all levels above these folders."""
    levels: set[str] = set()
    for name in names:
        end = name.rfind("/")
        while end > 0 and name[:end] not in levels:
            levels.add(name[:end])
            end = name.rfind("/", 0, end)
    return levels


def _render_folder(state: ImapState, folder: ListedFolder, command: ListCommand) -> bytes:
    """Return the response LIST or LSUB (RFC 9051 7.3.1)."""
    info = folder.info
    attributes: list[str] = []
    if command.name == "LSUB":
        attributes += [] if folder.is_selected else ["\\Noselect"]
    else:
        if not info.exists:
            attributes.append("\\NonExistent" if command.is_extended or state.is_rev2 else "\\Noselect")
        if info.subscribed and "SUBSCRIBED" in {*command.selection_options, *command.return_options}:
            attributes.append("\\Subscribed")
        attributes.append("\\HasChildren" if folder.has_children else "\\HasNoChildren")
        attributes += [info.special_use] if info.special_use else []
    child_info = b""
    if "RECURSIVEMATCH" in command.selection_options and folder.has_selected_descendants:
        # RFC 5258 3.5: the selection option that folders within it match.
        child_info = b' ("CHILDINFO" ("SUBSCRIBED"))'
    name = render_folder_name(info.name, is_utf8=state.has_utf8_names)
    return b'* %s (%s) "/" %s%s\r\n' % (command.name.encode(), " ".join(attributes).encode(), name, child_info)
