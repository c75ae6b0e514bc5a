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
        (post,) = await wire.posts(guild.channels[2].id)       # what the bot put into the forum
        assert (post.tag_names, post.starter.title) == (["cloud"], "A card")

The server's parts: ``server`` is the front door, ``rest`` the endpoints, ``forms`` the checks on it all,
``state`` the world of ``entities``, ``posting`` and ``threads`` the writers of messages and threads, ``limits`` and
``faults`` what is in the way, ``sessions`` and ``gateway`` the websocket, ``interactions`` and ``invocations`` what
people start, ``control`` and ``building`` the test's own door. A test's parts: ``client`` (with ``stage`` and
``people``), ``results``, and ``process``, whose ``pointed_at`` turns discord.py in the test's own process to the
server.

Of forums, threads and announcement channels this is known, from Discord's documentation or from people's logs of it:
a post's ``nonce`` is ignored; a missing tag is a 400 of 40067; a tag may be applied twice; to delete a thread takes
the permission to manage threads, also for its creator; a message makes an archived thread active again while an
edit is a 400 of 50083, and deleting stays possible there unless it is locked too; a change of an archived thread must
make it active; a crosspost is limited to 10 an hour and channel, an edit of one is answered with 429, code 20028, scope
``shared`` and the long wait in the body alone.

These are guesses: that a crosspost beyond its 10 is answered like that too (``crosspost_in_headers`` is the other
reading); that its hour rolls on and that refused crossposts take nothing of it; that the 3 edits an hour count by
message; that a locked thread answers writers with 403 and 160005, and a message deleted in a locked and archived one
with 50083; the code of an unknown tag (50035 below ``applied_tags``), of a moderators' tag (50013) and where 40066
comes; that what is wrong in a post's message stands below ``message``; that the list of archived threads takes 50013
for want of the history. Left out are threads that archive by themselves, THREAD_LIST_SYNC, the limit on active threads,
the slower limit on opening threads that Discord was seen to have, and what interactions do in archived threads.
"""
