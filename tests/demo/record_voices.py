"""Makes resources/demo/voices.msgpack again: espeak-ng speaks, libopus encodes, each phrase by itself.

It needs what the product does not: espeak-ng, and the Python packages av and numpy. In a virtual environment that has
them and msgspec::

    python tests/demo/record_voices.py
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np

TARGET = Path(__file__).resolve().parents[2] / "resources/demo/voices.msgpack"
RATE = 48_000
FRAME = RATE // 50
"""Samples of 20 ms."""
BIT_RATE = 16_000
LOUDNESS = 0.075
"""Root mean square of each phrase, of full scale: about -22 dBov."""
SILENCE = 0.004
"""What is quieter at both ends of a phrase is cut off."""

VOICES: dict[str, tuple[str, str, int, int, tuple[str, ...]]] = {
    "en-1": ("en", "en-gb-x-rp+f2", 58, 168, (
        "Right, who is up next?",
        "I can take the first half if somebody watches the queue.",
        "Let me share what I found this morning.",
        "Yes, exactly.",
        "It only happens when two people join in the same second.",
        "Give me a moment, I will look it up.",
    )),
    "en-2": ("en", "en-us+m3", 42, 172, (
        "Okay, I am back, can you hear me?",
        "That sounds much better than before.",
        "We still have two spots open, so tell your friends.",
        "Mhm.",
        "I would rather wait until everybody is here.",
        "No rush, we have the whole evening.",
    )),
    "en-3": ("en", "en-gb-scotland+m1", 36, 165, (
        "Morning all, kettle is on.",
        "I wrote it down, so nobody has to remember it.",
        "Second door on the left, then straight through the tunnel.",
        "Aye, that works.",
        "Hold the line, hold the line, and now go.",
    )),
    "en-4": ("en", "en-us+f4", 62, 178, (
        "Thank you for waiting, how can I help?",
        "Could you read me the number on the back?",
        "I see it now, the order went out on Tuesday.",
        "Of course.",
        "I will send you the link in the chat.",
        "Is there anything else that I can do for you?",
    )),
    "en-5": ("en", "en-gb+m7", 50, 182, (
        "Split at four minutes twelve, that is a new best.",
        "Watch the jump here, it is tighter than it looks.",
        "Oh no, not again.",
        "He saved eleven seconds in the water level alone.",
        "Handing over in three, two, one.",
    )),
    "en-6": ("en", "en-us-nyc+m5", 46, 170, (
        "The next one is an old favourite of mine.",
        "Listen to the bass line, it comes in right after the break.",
        "Requests go into the chat, as always.",
        "And we are live.",
    )),
    "de-1": ("de", "de+m4", 44, 168, (
        "Na, wie war die Woche bei euch?",
        "Bei uns regnet es seit drei Tagen.",
        "Ja, genau.",
        "Das habe ich auch gelesen, aber glauben kann ich es nicht.",
        "Wer holt die nächste Runde?",
    )),
    "de-2": ("de", "de+f3", 60, 172, (
        "Ich fange am Montag mit dem neuen Kurs an.",
        "Wartet kurz, die Katze sitzt auf der Tastatur.",
        "Stimmt.",
        "Am Samstag gehen wir wandern, wer kommt mit?",
    )),
    "cmn-1": ("zh", "cmn+f1", 58, 168, (
        "大家晚上好。",
        "今天的声音很清楚。",
        "我刚下班，吃了一碗面。",
        "对，对。",
        "明天我们早一点开始，好不好？",
    )),
    "cmn-2": ("zh", "cmn+m2", 40, 172, (
        "我这里有点吵，等一下。",
        "这首歌我小时候常常听。",
        "好的，没问题。",
        "你们看昨天晚上的比赛了吗？",
    )),
    "es-1": ("es", "es-419+f2", 56, 176, (
        "Hola a todos, ya estoy aquí.",
        "La próxima canción es para los que trabajan de noche.",
        "Claro que sí.",
        "Suban un poco el volumen, que esto vale la pena.",
    )),
}  # fmt: skip
"""Name to language, voice of espeak-ng, pitch, words a minute, and what it says."""


def speak(voice: str, pitch: int, speed: int, text: str, folder: Path) -> Any:
    """The samples of a phrase at 48 kHz, -1 to 1, without the silence around it."""
    path = folder / "phrase.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", path, text], check=True)
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    at = np.arange(0, len(samples) - 1, rate / RATE)
    samples = np.interp(at, np.arange(len(samples)), samples)
    heard = np.flatnonzero(np.abs(samples) > SILENCE)
    samples = samples[heard[0] : heard[-1] + 1]
    return np.clip(samples * LOUDNESS / np.sqrt(np.mean(samples**2)), -0.98, 0.98)


def encode(samples: Any) -> Iterator[tuple[int, bytes]]:
    """Level (-dBov) and Opus packet of each 20 ms."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = RATE, "mono", "flt", BIT_RATE
    encoder.options = {"application": "voip", "frame_duration": "20", "vbr": "on", "compression_level": "10"}
    packets: list[bytes] = []
    levels: list[int] = []
    for start in range(0, len(samples), FRAME):
        block = np.zeros(FRAME, np.float32)
        block[: len(samples[start : start + FRAME])] = samples[start : start + FRAME]
        energy = float(np.sqrt(np.mean(block**2)))
        levels.append(127 if energy < 1e-6 else min(126, round(-20 * np.log10(energy))))
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return zip(levels, packets[: len(levels)], strict=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        voices = [
            (name, language, [
                (text, list(encode(speak(voice, pitch, speed, text, Path(folder))))) for text in phrases
            ])
            for name, (language, voice, pitch, speed, phrases) in VOICES.items()
        ]  # fmt: skip
    TARGET.write_bytes(msgspec.msgpack.encode(voices))
    for name, _, phrases in voices:
        seconds = sum(len(frames) for _, frames in phrases) / 50
        print(f"{name:8} {len(phrases)} phrases {seconds:5.1f} s")
    print(f"{TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
