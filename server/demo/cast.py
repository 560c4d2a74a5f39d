"""Who plays in a demo, and in which rooms; pure."""

from __future__ import annotations

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who plays."""

    user: str
    name: str
    rooms: tuple[str, ...]
    """Where it is at the beginning."""
    haunts: tuple[str, ...] = ()
    """Where it goes besides, now and then."""
    home: int
    """Index of the node that it likes best."""
    voice: str = ""
    """Name of the voice it speaks with; empty for who only writes."""
    far: int = 0
    """Milliseconds that its line takes."""
    client: str = "web/1.0"
    moderator: bool = False
    deaf: bool = False
    """Whether it turns off what others say."""
    restless: bool = False
    """Whether it comes, goes and changes nodes."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A room and what its life is like."""

    name: str
    language: str = "en"
    """Of the voices that are heard there; empty for any."""
    turn: int = 0
    """How many phrases a turn has at most; 0 where nobody speaks."""
    quiet: float = 1.0
    """Seconds of silence between turns, in the mean."""
    overlap: float = 0.1
    """Share of turns that begin before the one before has ended."""
    lines: float = 10.0
    """Seconds between two lines of chat, in the mean."""


NIGHT = "Night Shift"
LOBBY = "Lobby"
RAID = "Raid Planning"
OWLS = "夜猫子语音房"
SUPPORT = "Support Desk"
STAMMTISCH = "Deutsch Stammtisch"
SPEEDRUN = "Speedrun Relay"
TRADING = "Trading Post"
MODERATORS = "Moderators"
STUDY = "Study Hall"
MUSIC = "Music Corner"
DEVS = "Devs and Bots"

ROOMS = (
    Room(name=NIGHT, turn=4, quiet=0.5, overlap=0.22, lines=7),
    Room(name=LOBBY, turn=2, quiet=2.5, overlap=0.1, lines=8),
    Room(name=RAID, turn=3, quiet=0.7, overlap=0.15, lines=10),
    Room(name=OWLS, language="zh", turn=2, quiet=1.0, lines=9),
    Room(name=SUPPORT, turn=3, quiet=3.0, overlap=0.0, lines=12),
    Room(name=STAMMTISCH, language="de", turn=3, quiet=0.8, overlap=0.18, lines=11),
    Room(name=SPEEDRUN, turn=3, quiet=4.0, overlap=0.1, lines=8),
    Room(name=TRADING, lines=5),
    Room(name=MODERATORS, turn=1, quiet=25.0, overlap=0.0, lines=18),
    Room(name=STUDY, lines=25),
    Room(name=MUSIC, language="", turn=4, quiet=2.0, overlap=0.0, lines=9),
    Room(name=DEVS, lines=8),
)


def _person(user: str, name: str, home: int, *rooms: str, **more: object) -> Person:
    return msgspec.convert({"user": user, "name": name, "home": home, "rooms": rooms, **more}, Person)


PEOPLE = (
    _person("mira", "Mira Halvorsen", 0, NIGHT, LOBBY, voice="en-1", far=18),
    _person("kestrel", "kestrel", 1, NIGHT, LOBBY, voice="en-2", far=164, haunts=(SPEEDRUN,)),
    _person("tobias", "Tobias Krenn", 0, NIGHT, STAMMTISCH, voice="en-3", far=21),
    _person("ana", "Ana Lucía", 2, NIGHT, MUSIC, voice="es-1", far=24),
    _person("wojtek", "Wojtek", 0, NIGHT, RAID, voice="en-5", far=16, haunts=(LOBBY,), restless=True),
    _person("elif", "Elif Demir", 2, NIGHT, STAMMTISCH, voice="de-2", far=31),
    _person("noctua", "noctua", 1, NIGHT, MODERATORS, LOBBY, voice="en-4", far=97, moderator=True),
    _person("sigrid", "Sigrid", 2, NIGHT, RAID, voice="en-1", far=22),
    _person("priya", "Priya N.", 1, SUPPORT, MODERATORS, NIGHT, voice="en-4", far=71, moderator=True),
    _person("dragonfly_88", "dragonfly_88", 1, NIGHT, TRADING, far=58, haunts=(LOBBY, MUSIC), restless=True),
    _person("renato", "Renato", 0, LOBBY, SPEEDRUN, voice="en-5", far=35),
    _person("amara", "Amara Okafor", 2, LOBBY, STUDY, NIGHT, voice="en-4", far=44, deaf=True),
    _person("yusuf", "Yusuf K.", 0, LOBBY, RAID, NIGHT, voice="en-2", far=29),
    _person("ines", "Inês", 2, LOBBY, MUSIC, far=33, haunts=(STUDY,), restless=True),
    _person("oleksii", "Олексій", 0, LOBBY, TRADING, far=40, haunts=(DEVS,), restless=True),
    _person("mochi", "mochi", 1, LOBBY, SPEEDRUN, far=88, client="native/2.3"),
    _person("theo", "Theo", 2, LOBBY, STUDY, voice="en-3", far=26),
    _person("niko", "Νίκος", 0, LOBBY, DEVS, far=52, haunts=(TRADING,), restless=True),
    _person("bram", "Bram de Wit", 0, RAID, NIGHT, voice="en-3", far=19, client="native/2.3"),
    _person("rhea", "Rhea", 2, RAID, TRADING, voice="en-1", far=27),
    _person("cody", "cody", 1, RAID, SPEEDRUN, voice="en-2", far=75, haunts=(LOBBY,), restless=True),
    _person("xiaolin", "小林", 1, OWLS, NIGHT, voice="cmn-1", far=92),
    _person("azhe", "阿哲", 1, OWLS, voice="cmn-2", far=86),
    _person("meiling", "美玲", 1, OWLS, MUSIC, voice="cmn-1", far=79),
    _person("laozhou", "老周", 2, OWLS, TRADING, voice="cmn-2", far=83, haunts=(LOBBY,), restless=True),
    _person("grace", "Grace Lindqvist", 0, SUPPORT, voice="en-1", far=38, haunts=(LOBBY,), restless=True),
    _person("sunil", "Sunil", 1, SUPPORT, STUDY, voice="en-2", far=68),
    _person("jonas", "Jonas", 0, STAMMTISCH, voice="de-1", far=14),
    _person("heike", "Heike Brandt", 2, STAMMTISCH, STUDY, voice="de-2", far=20),
    _person("ulf", "Ulf", 0, STAMMTISCH, TRADING, voice="de-1", far=23, restless=True, haunts=(LOBBY,)),
    _person("pixelpaw", "pixelpaw", 2, SPEEDRUN, voice="en-5", far=47, client="native/2.3"),
    _person("sam", "Sam O'Neill", 0, SPEEDRUN, LOBBY, NIGHT, voice="en-3", far=30),
    _person("fatima", "فاطمة", 2, TRADING, STUDY, far=61, deaf=True),
    _person("quartz", "quartz", 0, TRADING, DEVS, far=17, client="native/2.3"),
    _person("lena", "Lena Fischer", 0, MODERATORS, SUPPORT, voice="en-4", far=15, moderator=True),
    _person("daniel", "Daniel Wu", 1, MODERATORS, DEVS, voice="en-2", far=66, moderator=True),
    _person("rafa", "DJ Rafa", 2, MUSIC, voice="en-6", far=28, client="native/2.3"),
    _person("hana", "佐藤花", 1, MUSIC, STUDY, NIGHT, far=94, haunts=(LOBBY,), restless=True),
    _person("arjun", "Arjun", 2, DEVS, STUDY, far=57, deaf=True),
    _person("tealbot", "tealbot", 0, DEVS, TRADING, SPEEDRUN, far=3, client="tealbot/0.4", deaf=True),
)

INTRUDER = _person("freegold", "FreeGold4U", 1, TRADING, far=112)
"""Comes later than the others, and is not wanted."""

MUTE_REASONS = ("open mic noise", "an echo on your line", "music in the background")

BOT = "tealbot"
"""It answers commands, whoever gives them."""

HELP = "I know !who, !roll, !uptime and !help."

REPLIES = (
    "Got it, thanks!",
    "Sure, will do.",
    "Sorry, I was muted. What did you say?",
    "Okay, give me a minute.",
    "Thanks for telling me.",
    "No problem at all.",
)
"""What somebody answers whom nobody wrote a line for."""

GREETINGS = ("Hi {name}, welcome!", "Hey {name}, make yourself at home.", "Welcome, {name}. We are just talking.")

TURNED_AWAY_SECONDS = 600.0
"""How long somebody who was kicked stays away."""
