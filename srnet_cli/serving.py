"""What the commands that serve a page on this machine share."""

from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import say
from srnet_cli.options import option

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def port_option(help: str = "Port to listen at; 0 for any that is free"):
    """The option --port."""
    return option("--port", help=help, metavar="N", min=0, max=65535)


Port = Annotated[int, port_option()]


def address_of(server: "ThreadingHTTPServer") -> str:
    """The address of the page, for a browser."""
    host, port = server.server_address[:2]
    host = host.decode() if isinstance(host, bytes | bytearray) else str(host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve_until_interrupted(server: "ThreadingHTTPServer", fragment: str = "") -> None:
    """Tell the address, and answer until Ctrl-C.

    Args:
        fragment: what the page is asked to show first, e.g. "#run=first".
    """
    say(f"{address_of(server)}{fragment}  (Ctrl-C ends it)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return
    finally:
        server.server_close()
