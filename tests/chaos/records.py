"""Records of the campaigns: made, encoded as inputs, and read back from outputs.

Written without the engine's code and without its libraries, so that what it says of an output is a
second opinion. A record is a dict with an `id` that no other has; `n` grows within its file.
"""
import json
import struct

LEVELS = ("debug", "info", "warn", "error")
TEXTS = ("plain", 'quo"ted', "back\\slash", "tab\there", "line\nbreak", "\u00fcml\u00e4ut", "\U0001f980", "")


def make(rng, file, count, pad_max):
    """`count` records of one file; sizes differ, most are short."""
    out = []
    for n in range(count):
        record = {"id": f"{file}-{n}", "file": file, "n": n, "level": rng.choice(LEVELS)}
        record["text"] = rng.choice(TEXTS)
        size = rng.randrange(pad_max) if rng.random() < 0.1 else rng.randrange(40)
        record["pad"] = "x" * size
        out.append(record)
    return out


def line(record):
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def pack(value):
    """MsgPack, as much of it as records have (msgpack spec, formats fixmap to str 32)."""
    if isinstance(value, dict):
        assert len(value) < 16
        return bytes([0x80 | len(value)]) + b"".join(pack(k) + pack(v) for k, v in value.items())
    if isinstance(value, str):
        raw = value.encode()
        if len(raw) < 32:
            return bytes([0xA0 | len(raw)]) + raw
        if len(raw) < 256:
            return b"\xd9" + bytes([len(raw)]) + raw
        return b"\xda" + struct.pack(">H", len(raw)) + raw
    assert isinstance(value, int) and value >= 0
    return bytes([value]) if value < 128 else b"\xce" + struct.pack(">I", value)


def unpack(data, at):
    """One value at `at`: (value, where it ends). ValueError: what stands there is not whole."""
    try:
        tag = data[at]
        if tag < 0x80:
            return tag, at + 1
        if tag < 0x90:
            return unpack_map(data, at + 1, tag & 15)
        if tag in (0xDE,):
            return unpack_map(data, at + 3, struct.unpack_from(">H", data, at + 1)[0])
        if 0xA0 <= tag < 0xC0:
            return unpack_text(data, at + 1, tag & 31)
        if tag == 0xD9:
            return unpack_text(data, at + 2, data[at + 1])
        if tag == 0xDA:
            return unpack_text(data, at + 3, struct.unpack_from(">H", data, at + 1)[0])
        width = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}[tag]
        return struct.unpack_from(width, data, at + 1)[0], at + 1 + struct.calcsize(width)
    except (IndexError, KeyError, struct.error) as error:
        raise ValueError(f"no MsgPack value at {at}") from error


def unpack_text(data, at, length):
    raw = data[at : at + length]
    if len(raw) < length:
        raise ValueError(f"text at {at} is cut")
    return raw.decode(), at + length


def unpack_map(data, at, count):
    out = {}
    for _ in range(count):
        key, at = unpack(data, at)
        out[key], at = unpack(data, at)
    return out, at


def encode(records, framing):
    """The bytes of an input file."""
    if framing == "lines":
        return b"".join(line(r) + b"\n" for r in records)
    if framing == "json_array":
        return b"[" + b",\n".join(line(r) for r in records) + b"]\n"
    return b"".join(pack(r) for r in records)


def decode(data, framing):
    """The records of an output, and the pieces that are none (torn, glued, foreign)."""
    out, torn = [], []
    if framing == "msgpack":
        at = 0
        while at < len(data):
            try:
                value, at = unpack(data, at)
            except ValueError as error:
                torn.append(str(error))
                break
            out.append(value)
        return out, torn
    if data and not data.endswith(b"\n"):
        torn.append("no newline at the end")
    for text in data.split(b"\n"):
        if not text:
            continue
        try:
            out.append(json.loads(text))
        except ValueError:
            torn.append(text[:80].decode(errors="replace"))
    return out, torn
