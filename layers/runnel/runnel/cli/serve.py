"""`runnel serve`: the HTTP interface and its live stream on this machine."""

import click

from runnel.cli.options import Call, allow_private_option, example, proxy_option, shared


@click.command(epilog=example("runnel serve --port 8080"))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; other than loopback needs a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@proxy_option
@allow_private_option
@shared
def serve(call: Call, /, host: str, port: int, allow_private: str | None, proxy: str | None) -> int:
    """Serve the HTTP interface, drive the jobs posted to it, and take up jobs whose process died."""
    settings = call.settings(allow_private=allow_private, proxy=proxy)
    if settings.remote is not None and call.remote is not None:
        raise click.UsageError("serve serves this machine; --remote has no meaning here.")
    from runnel.local.server import serve_here

    return serve_here(settings, host=host, port=port, say=call.talk.say)
