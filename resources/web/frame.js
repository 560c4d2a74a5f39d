/** One voice frame as bytes: the 16-byte header of protocol.md section 6 and the Opus packet behind it; pure. */

export const START = 0x01;
export const END = 0x02;
/** Set by the node on a frame that is for this page alone. */
export const WHISPERED = 0x10;
export const HEADER = 16;
export const MAX_PAYLOAD = 400;

/** One Opus frame of silence, 20 ms: what closes a talkspurt without another syllable. */
export const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

const KIND = 0x51;
const OPUS_20_MS = 0x02;

/** The bytes of one 20 ms frame. `level` is the level byte, see `levelByte`; `target` 0 is the room. */
export function pack({ flags, level, ssrc, seq, target, ts, payload }) {
  const bytes = new Uint8Array(HEADER + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, KIND);
  view.setUint8(1, flags);
  view.setUint8(2, level);
  view.setUint8(3, OPUS_20_MS);
  view.setUint32(4, ssrc);
  view.setUint16(8, seq);
  view.setUint16(10, target);
  view.setUint32(12, ts);
  bytes.set(payload, HEADER);
  return bytes;
}

/** The parts of a received frame, or null where it is no Opus frame of this version. */
export function unpack(buffer) {
  if (buffer.byteLength <= HEADER) return null;
  const view = new DataView(buffer);
  const codec = view.getUint8(3);
  if (view.getUint8(0) !== KIND || codec >> 4 !== 0) return null;
  return {
    flags: view.getUint8(1),
    level: view.getUint8(2),
    samples: (codec & 0x0f) * 480,
    ssrc: view.getUint32(4),
    seq: view.getUint16(8),
    ts: view.getUint32(12),
    payload: new Uint8Array(buffer, HEADER),
  };
}

/** Loudness in dBov, 0 (full scale) down to -127, of a root mean square of samples in -1..1. */
export function dbov(rms) {
  return rms > 0 ? Math.max(-127, Math.min(0, 20 * Math.log10(rms))) : -127;
}

/** RFC 6464: bit 7 tells speech, bits 0 to 6 are -dBov. */
export function levelByte(db, speech) {
  return (speech ? 0x80 : 0) | Math.round(-db);
}
