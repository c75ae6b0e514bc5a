"""The slash commands: parse options, call one service, render one reply."""

from cogs.cards import CardCommands
from cogs.desk import DeskCommands
from cogs.digest import DigestCommands
from cogs.feed import FeedCommands
from cogs.help import HelpCommands
from cogs.owner import OwnerCommands
from cogs.personal import PersonalCommands

ALL = (
    CardCommands,
    PersonalCommands,
    DigestCommands,
    DeskCommands,
    FeedCommands,
    OwnerCommands,
    HelpCommands,
)
