"""Limit the memory and the CPU time of this process, before it reads untrusted content."""

from __future__ import annotations

from contextlib import suppress

__all__ = ["limit_resources"]


def limit_resources(*, max_memory: int, max_cpu_seconds: int | None = None) -> None:
    """Limit this process; the system ends it, or refuses it memory, beyond the limits.

    Windows has no such limits.

    Args:
        max_memory: the address space, in bytes.
        max_cpu_seconds: the CPU time; None, the default, does not limit it.
    """
    with suppress(ImportError):  # Windows has no resource module
        import resource

        limits = [(resource.RLIMIT_AS, max_memory)]
        if max_cpu_seconds is not None:
            limits.append((resource.RLIMIT_CPU, max_cpu_seconds))
        for resource_id, limit in limits:
            with suppress(ValueError, OSError):  # a lower limit is set already, or it is not supported
                resource.setrlimit(resource_id, (limit, limit))
