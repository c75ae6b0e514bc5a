"""The slash commands: parse options, call one service, render one reply."""

from cogs.cards import CardCommands
from cogs.desk import DeskCommands
from cogs.digest import DigestCommands
from cogs.feed import FeedCommands
from cogs.help import HelpCommands
from cogs.owner import OwnerCommands
from cogs.personal import PersonalCommands
from cogs.profile import ProfileCommands
from cogs.submit import SubmitCommands

ALL = (
    CardCommands,
    PersonalCommands,
    SubmitCommands,
    DigestCommands,
    DeskCommands,
    FeedCommands,
    ProfileCommands,
    OwnerCommands,
    HelpCommands,
)
