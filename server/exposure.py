"""How clients come in: where, encrypted or not, with which certificate, and what an operator should know of it."""

from __future__ import annotations

import dataclasses
import urllib.parse

from server.addresses import is_loopback
from server.certificates import Certificate
from server.config import Config
from server.tls import Tls


@dataclasses.dataclass(frozen=True, slots=True)
class Exposure:
    """The port of a node as its operator should know it."""

    host: str = "127.0.0.1"
    """The address that is listened on."""
    encrypted: bool = False
    certificate: Certificate | None = None
    refused: str = ""
    """Why the certificate that lies there now is not used; empty where it is."""
    behind: bool = False
    """Whether clients come through a proxy that speaks TLS: one is trusted, and the public URL says so."""

    @classmethod
    def of(cls, config: Config, host: str, tls: Tls | None = None) -> Exposure:
        """That of a node that runs with `config` and listens at `host`."""
        return cls(
            host=host,
            encrypted=tls is not None,
            certificate=tls.certificate if tls else None,
            refused=tls.refused if tls else "",
            behind=bool(config.trusted_proxies) and (config.public_url or "").startswith("wss:"),
        )

    @property
    def is_open(self) -> bool:
        """Whether what people say goes over a network as it is, so that browsers refuse the microphone."""
        return not self.encrypted and not self.behind and not is_loopback(self.host)

    def remarks(self, url: str) -> list[str]:
        """What an operator is warned of at the start, a sentence each; clients are told to come to `url`."""
        host = urllib.parse.urlsplit(url).hostname or ""
        found = []
        if self.is_open:
            found.append(
                f"clients on {self.host} are served without encryption, so browsers there refuse the microphone: give"
                " --tls-cert and --tls-key, or put a proxy that speaks TLS in front and name it with --trusted-proxy"
            )
        if self.encrypted and url.startswith("ws:"):
            found.append(f"--public-url says ws:// and this port speaks TLS: clients told {url} find nothing there")
        elif self.certificate is not None and not self.certificate.is_for(host):
            names = ", ".join(self.certificate.names) or "no host"
            found.append(
                f"the certificate is for {names}, and clients are told to come to {host}: give --public-url with a"
                " name that is in the certificate"
            )
        return found

    def hint(self, url: str) -> str:
        """What an operator may have to say where all addresses are listened on and `url` is a guess; else empty."""
        if self.host not in ("0.0.0.0", "::"):
            return ""
        return f"clients are told to come to {url}: give --public-url where they reach this node elsewhere"
