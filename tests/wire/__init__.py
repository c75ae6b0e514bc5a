"""A small Discord on loopback, in a process of its own.

``python -m tests.wire --port 0`` serves REST, gateway and a control API. A bot under test can be killed at
any point while this process goes on, and what each channel holds can be counted afterwards::

    async with WireDiscord() as wire:                      # from tests.wire.client
        guild = await wire.add_guild("text", "announcement:news", "forum", tags=["cloud"])
        channel = guild.channels[0].id
        await wire.fault("lost", "POST", "/messages$")     # carried out, never answered
        ...                                                # run a bot against wire.address.api
        await wire.connected()
        outcome = await wire.slash(channel, "digest add", {"count": 3}, Person("ann", permissions=MANAGER))
        await wire.click((await wire.messages(channel))[0], label="Save")
        assert (await wire.totals()).by_status == {"200": 7, "0": 1}

The server's rooms: ``server`` is the front door, ``rest`` the endpoints, ``forms`` the checks on it all,
``state`` the world, ``posting`` the writer of messages, ``limits`` and ``faults`` what is in the way,
``sessions`` and ``gateway`` the websocket, ``interactions`` and ``invocations`` what people start,
``control`` and ``building`` the test's own door. A test's rooms: ``client`` (with ``stage`` and ``people``),
``results``, and ``process``, whose ``pointed_at`` turns discord.py in the test's own process to the server.
"""
