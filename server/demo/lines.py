"""What the people of a demo write to each other; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.demo import cast

Talk = Sequence[tuple[str, str]]
"""Lines in their order: who, and what."""

_TEXT: Mapping[str, str] = {
    cast.NIGHT: """
sigrid: Who is up next? Mira, then Tobias.
tobias: Ready when you are. Give me two minutes for the mic.
mira: Take your time, I am still on the second verse.
xiaolin: 大家晚上好,今天声音很清楚
sigrid: 晚上好 小林!
elif: Evening everybody. One voice at a time please, I am recording notes.

kestrel: is it me or is the coffee machine louder tonight
wojtek: It is the fan on your side.
kestrel: ok ok, moved the mic
mira: Much better. Thanks.

dragonfly_88: anyone awake in the kitchen team?
noctua: Two of us. What do you need?
dragonfly_88: keys for the cold room, mine are gone
noctua: Shelf by the door, blue tag.
dragonfly_88: found them, lifesaver

ana: Last bus is cancelled, who drives past the harbour?
tobias: I do, half past five. Two seats.
ana: One for me please!
priya: And one for me.
tobias: Car is full then. Main gate, do not be late.

mira: Handover list is done, somebody read it once more?
sigrid: Reading. Bed 4 has moved to room 11.
mira: Right, fixed.
elif: Then it is complete. Nice work.

wojtek: Quiz while it is quiet: longest river that ends in a lake?
kestrel: volga
sigrid: The Caspian is a lake, so yes.
wojtek: Point for kestrel.
kestrel: finally
""",
    cast.LOBBY: """
amara: Hello from rainy Lagos!
theo: Hello Amara. Dry and grey here.
renato: 31 degrees. I will not say where.
amara: Show-off.

mochi: new here, which room has the relay?
sam: Speedrun Relay, starts on the hour.
renato: And tealbot posts the splits.
mochi: thanks!

ines: Alguém viu o jogo ontem?
yusuf: Only the second half. What a goal.
ines: That was the best minute of the year.

niko: Καλησπέρα!
oleksii: Доброго вечора, Ніко
niko: Did you get the new release to run?
oleksii: Yes, took one command. Come to Devs and Bots, I will show you.
niko: On my way in a bit.

yusuf: Need one more for the raid on Thursday
kestrel: what time
yusuf: Eight sharp. Ask Sigrid, she has the list.
kestrel: count me in

theo: Does anybody else hear an echo?
noctua: That was Sam, two tabs open.
sam: Guilty. Closed one.
theo: Gone. Thanks.

mira: Reminder: reading circle on Sunday, four o'clock.
amara: Which book?
mira: The short one. You have no excuse.
amara: Then I am out of excuses.
""",
    cast.RAID: """
sigrid: Thursday, eight. Two healers, one short on tanks.
bram: I can tank if somebody lends me a shield.
rhea: I have a spare. It is purple.
bram: Purple is fine.

yusuf: Which door first, left or right?
sigrid: Left. Right resets the boss.
cody: learned that the hard way
rhea: We all remember.

wojtek: Who calls the timers?
sigrid: You do. You have the clearest voice.
wojtek: Fine, but nobody talks over me.
bram: No promises.

rhea: Potions: 40 stamina, 12 frost. Enough?
sigrid: Frost should be 20.
rhea: I will buy the rest in Trading Post.

cody: my ping is bad today, sorry in advance
yusuf: Stay on the ranged team then.
cody: ok
""",
    cast.OWLS: """
azhe: 有人吗?
xiaolin: 在的,刚泡好茶
meiling: 我也在,今天有点累
azhe: 早点休息吧
meiling: 再聊十分钟就睡

laozhou: 昨天推荐的那部电影我看完了
xiaolin: 怎么样?
laozhou: 结局没想到
azhe: 别剧透!
laozhou: 好好好,不说

meiling: 谁会修自行车?链条总是掉
laozhou: 周末带过来,我帮你看看
meiling: 太好了,谢谢老周

xiaolin: 周六线上卡拉OK,报名了
azhe: 我唱第一首
meiling: 那我第二
xiaolin: 已经记下来了
""",
    cast.SUPPORT: """
grace: Hi, my order says delivered but nothing came.
priya: Sorry about that. Could you give me the last four digits?
grace: 4471
priya: Found it. It is with your neighbour at number 12.
grace: Oh! I will ring there. Thank you.

sunil: The app asks for a code and I never get one.
lena: Is the number in your profile still right?
sunil: Ah. No. That is the old one.
lena: Then I change it with you now, one moment.
sunil: Works. Thank you so much.

priya: Queue is empty, I am making tea.
lena: Go ahead, I have the desk.

grace: Can I change the colour after ordering?
priya: Until tonight, yes. Which one would you like?
grace: The green one please.
priya: Done. You get a mail in a minute.
""",
    cast.STAMMTISCH: """
jonas: Moin! Wer ist alles da?
heike: Ich, mit Tee statt Bier.
ulf: Ich auch. Die Woche war lang.
jonas: Freitag ist Freitag.

elif: Kennt jemand einen guten Bäcker in Linden?
heike: Der an der Ecke beim Markt, die Brötchen sind großartig.
elif: Danke, probiere ich morgen.

tobias: Fährt jemand am Samstag zum Flohmarkt?
ulf: Wenn ich wach werde.
heike: Du wirst nie wach.
ulf: Deswegen sage ich ja „wenn“.

jonas: Quizfrage: Wie viele Inseln hat Hamburg?
tobias: Mehr als Venedig Brücken hat?
jonas: Das waren die Brücken. Inseln sind es elf.
elif: Wieder was gelernt.
""",
    cast.SPEEDRUN: """
pixelpaw: warming up, first leg in five
sam: Timer is ready.
renato: Go go go!
tealbot: Leg 1 started: pixelpaw
sam: That jump was clean.

mochi: what is the record for this one?
tealbot: Record of this route: 21:47
pixelpaw: we can beat that
renato: You said that last week.
pixelpaw: last week i had a cold

sam: Split looks good, four seconds ahead.
mochi: four!!
renato: Do not jinx it.
tealbot: Leg 2 started: Sam O'Neill

cody: who takes leg 3 tonight
renato: Me, if my controller holds.
cody: i am your spare
renato: Deal.
""",
    cast.TRADING: """
quartz: selling 20 frost potions, 3 each
rhea: I take 8.
quartz: sold, meet at the bridge
rhea: On my way.

fatima: أبحث عن خريطة قديمة
oleksii: I have two old maps. Trade for silver?
fatima: Yes, twelve silver for one.
oleksii: Deal.

tealbot: Frost potion: 24 h average 3.1, lowest 2.8
ulf: Suche Leder, zahle gut
quartz: got 14, 2 each
ulf: Nehme alle.

dragonfly_88: is a purple shield worth anything
rhea: Not to you, I lent it to Bram.
dragonfly_88: fair

laozhou: 有人要苹果吗?便宜卖
fatima: How many?
laozhou: 50 个
fatima: I take all of them.

oleksii: !roll
quartz: You roll for the price?
oleksii: Always.
""",
    cast.MODERATORS: """
lena: Quiet evening so far.
noctua: Two newcomers in Lobby, both fine.
daniel: Somebody keeps an open mic in Raid Planning, I will whisper to them.
noctua: Thanks.

priya: I am on the desk until ten, who takes over?
lena: Me.
priya: Perfect.

daniel: Reminder: mute first, ask, then kick.
noctua: And say why.
lena: It is in the notes of every room now.
""",
    cast.STUDY: """
amara: 25 minutes, starting now.
theo: In.
fatima: In.
heike: Dabei.

arjun: Chapter 6 done. It was not as bad as they say.
amara: Told you.

hana: あと一時間がんばります
theo: がんばって!

sunil: Break? My head is full.
fatima: Five minutes, then again.
sunil: Tea time.
""",
    cast.MUSIC: """
rafa: Taking requests until midnight.
ines: Something slow please.
rafa: Coming up after this one.
hana: この曲大好き
ana: Sube el volumen, Rafa!
rafa: Volume is yours to turn, amiga.

meiling: 这首歌叫什么?
rafa: Night train, the 1962 take.
meiling: 谢谢!

ines: Who is on bass here?
rafa: No idea, the sleeve does not say.
ana: Then it is a mystery bass.

hana: Is the set recorded?
rafa: No, you had to be there. And you are.
""",
    cast.DEVS: """
arjun: Does the resume token survive a restart?
daniel: Not yet. Today a session ends with its socket.
arjun: Good to know, then I reconnect and join again.
daniel: Exactly.

quartz: how do i send voice from a script
niko: 16 bytes of header, then one Opus packet. It is in the protocol page, section 6.
quartz: that is all?
niko: That is all.

niko: !uptime
arjun: The bot is faster than me.
daniel: The bot does not drink coffee.

arjun: Backpressure question: what happens to a slow reader?
daniel: Voice is dropped, text waits. Beyond a megabyte it is closed and may come back.
arjun: Sensible.

quartz: !who
niko: Ha, it counts itself.

daniel: Ship it on Friday?
quartz: never on friday
niko: Thursday evening is just Friday in disguise.
""",
}


def _read(text: str) -> tuple[Talk, ...]:
    """Talks are apart by an empty line; a line is ``user: text``."""
    return tuple(
        tuple((line.partition(": ")[0], line.partition(": ")[2]) for line in block.splitlines())
        for block in text.strip().split("\n\n")
    )


TALKS: Mapping[str, tuple[Talk, ...]] = {room: _read(text) for room, text in _TEXT.items()}
"""The talks of each room."""

WHISPERS: Sequence[Talk] = _read("""
mira: Can you take over at ten? I have to leave early.
tobias: Sure, go. I will say you were called away.

sigrid: Is that your dog in the background?
wojtek: Sorry! Closing the door.

cody: is my mic open again
yusuf: Yes, and we hear the kitchen.

noctua: Everything all right? You sounded off.
kestrel: just tired. thanks for asking

priya: I sent the refund, it takes two days.
grace: You are wonderful.

rhea: I can go down to 2 each if you take all.
quartz: deal, but do not tell the others

jonas: Kommst du am Samstag?
heike: Ja, aber erst um drei.

xiaolin: 生日快乐!
meiling: 你怎么知道的?谢谢!

amara: You dropped out of the call, is your line all right?
theo: Changed networks, back now.

lena: Anything to hand over?
priya: Only order 4471, it is in the notes.

renato: Ready for leg 3?
pixelpaw: born ready

rafa: That was a great request.
ines: Play it again next week!
""")
"""What two people say to each other alone: the one, and what the other answers."""

NOTICES: Sequence[tuple[str, str]] = (
    (cast.NIGHT, "Handover in fifteen minutes: please add your notes."),
    (cast.LOBBY, "Welcome everybody. Questions about the rooms go to Support Desk."),
    (cast.SPEEDRUN, "Next relay on the hour, four legs, open to all."),
    (cast.STUDY, "Quiet hour until ten: text only, please."),
    (cast.MUSIC, "Listening party on Saturday at nine, bring one song each."),
    (cast.TRADING, "Trades are yours to check: we do not refund gold."),
)
"""What moderators announce."""

ADVERTISEMENTS = ("FREE GOLD for everyone, write me now!!!", "500 gold, no questions asked, first ten only!!!")
"""What nobody wants to read."""
