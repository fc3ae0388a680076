"""Points discord.py at Discord, or at a stand-in of it."""

import discord
import httpx
import yarl

from docbot.errors import TransientError

DISCORD_API = "https://discord.com/api/v10"


async def point_at(api: str) -> None:
    """Send all that discord.py does in this process to `api` and to the gateway it names.

    Raises:
        TransientError: the stand-in does not answer.
    """
    if api == DISCORD_API:
        return
    try:
        # To load certificates stops the loop for 40 ms; a stand-in by http asks for none.
        async with httpx.AsyncClient(timeout=10, verify=api.startswith("https:")) as client:
            reply = await client.get(f"{api}/gateway")
            gateway = reply.raise_for_status().json()["url"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise TransientError(
            f"DOCBOT_DISCORD_API: {api} does not answer as Discord does: {error!r}"
        ) from error
    discord.http.Route.BASE = api
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
