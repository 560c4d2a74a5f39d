"""The speech of a demo, in the decoder of a browser."""

from __future__ import annotations

import base64
import statistics
from pathlib import Path

import pytest

from server.demo.voices import read_voices
from tests.browser.conftest import VisitorFactory
from tests.browser.nodes import ROOT, RunningNode

pytestmark = pytest.mark.asyncio(loop_scope="session")

Cluster = tuple[RunningNode, RunningNode]

DECODE = """async (packets) => {
    const { DECODING } = await import('/listening.js');
    const levels = [];
    let errors = 0;
    const output = (data) => {
        const samples = new Float32Array(data.numberOfFrames);
        data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
        levels.push(Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length));
        data.close();
    };
    const decoder = new AudioDecoder({ output, error: () => (errors += 1) });
    decoder.configure(DECODING);
    packets.forEach((packet, place) => decoder.decode(new EncodedAudioChunk({
        type: 'key', timestamp: place * 20000, data: Uint8Array.from(atob(packet), (sign) => sign.charCodeAt(0)),
    })));
    await decoder.flush();
    return { levels, errors };
}"""


async def test_a_browser_hears_the_speech_as_loud_as_its_level_bytes_say(
    cluster: Cluster, visit: VisitorFactory
) -> None:
    visitor = await visit("Ann")
    await visitor.page.goto(cluster[0].http)
    for voice in read_voices(Path(ROOT) / "resources/demo").values():
        frames = [frame for phrase in voice.phrases for frame in phrase.frames]
        packets = [base64.b64encode(frame.packet).decode() for frame in frames]
        heard = await visitor.page.evaluate(DECODE, packets)
        assert heard["errors"] == 0
        assert len(heard["levels"]) == len(frames)
        said = [10 ** (-frame.level / 20) for frame in frames]
        # A decoder is a few milliseconds behind its encoder.
        followed = max(statistics.correlation(heard["levels"][late:], said[: len(said) - late]) for late in (0, 1))
        assert followed > 0.8
