"""The slash commands: parse options, call one service, render one reply."""

from cogs.desk import DeskCommands
from cogs.digests import DigestCommands
from cogs.finding import FindingCommands
from cogs.help import HelpCommands
from cogs.members import MemberCommands
from cogs.operator import OperatorCommands
from cogs.reading import ReadingCommands
from cogs.trends import TrendCommands

ALL = (
    ReadingCommands,
    FindingCommands,
    TrendCommands,
    MemberCommands,
    DigestCommands,
    DeskCommands,
    OperatorCommands,
    HelpCommands,
)
