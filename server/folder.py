"""The data folder of a node that runs: whether something can be kept there, looked at now and then."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

logger = logging.getLogger(__name__)

LITTLE = 4096
"""Bytes: a file system gives no less than a page, so a disk with less free is full."""


class Folder:
    """A data folder, of which it is known whether it takes what is written.

    Nothing is written to find it out, as that may wait for the disk, and with it everybody who is served.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault = ""
        """Why nothing can be kept there, in a few words; empty where it can."""

    def look(self) -> None:
        """Look again; what has changed is logged once."""
        fault = _fault(self.path)
        if fault == self.fault:
            return
        self.fault = fault
        if fault:
            logger.warning(
                "nothing can be kept in %s, %s: everybody is served on; mend it before this node is started again, or"
                " it will not start",
                self.path,
                fault,
            )
        else:
            logger.info("%s takes again what is written", self.path)


def _fault(path: Path) -> str:
    try:
        if not path.is_dir():
            return "it is gone"
        if hasattr(os, "statvfs"):
            disk = os.statvfs(path)
            if disk.f_flag & os.ST_RDONLY:
                return "it is read-only"
            free = (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * disk.f_frsize
            if disk.f_files and not disk.f_ffree:
                return "the disk takes no more files"
        else:
            free = shutil.disk_usage(path).free
    except OSError as error:
        return error.strerror or str(error)
    if free < LITTLE:
        return "the disk is full"
    return "" if os.access(path, os.W_OK | os.X_OK) else "this user may not write there"
