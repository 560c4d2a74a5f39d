"""What the window says of the door that clients come in by: plain text, certificates that end or cannot be used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gui.tokens import Colour
from server.tls import DAY_MS, WARN_DAYS, ending

if TYPE_CHECKING:
    from gui.frame.banner import Banners
    from server.desk import Desk

PLAIN, ENDING, REFUSED = "entrance plain", "certificate ends", "certificate refused"
"""Keys of its notices."""


class ExposureNews:
    """Keeps the notices true; the window has it look once a second."""

    def __init__(self, desk: Desk, banners: Banners) -> None:
        self._desk = desk
        self._banners = banners

    def look(self, now: int | None = None) -> None:
        """Bring the notices up to date; `now` in ms since 1970, by default the clock's."""
        exposure, banners = self._desk.exposure, self._banners
        if exposure.is_open:
            banners.show(
                PLAIN,
                f"Clients on {exposure.host} are served without encryption",
                "Browsers refuse the microphone there. Give --tls-cert and --tls-key, or put a proxy that speaks TLS"
                " in front and name it with --trusted-proxy.",
                tone=Colour.TEXT2,
            )
        else:
            banners.drop(PLAIN)
        if exposure.refused:
            banners.show(REFUSED, "The new certificate is not used", exposure.refused, tone=Colour.WARN)
        else:
            banners.drop(REFUSED)
        certificate = exposure.certificate
        left = None if certificate is None else certificate.expires - (now or int(time.time() * 1000))
        if left is not None and left <= WARN_DAYS * DAY_MS:
            title, _, remedy = ending(left).partition(": ")
            tone = Colour.WARN if left > 0 else Colour.DANGER
            banners.show(ENDING, title[:1].upper() + title[1:], remedy[:1].upper() + remedy[1:] + ".", tone=tone)
        else:
            banners.drop(ENDING)
