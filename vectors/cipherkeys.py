# Checks and makes the cipherkeys of known-answers.json: an implementation of docs/formats.md ("Cobblestone-256", "KHC1",
# "Cipherkeys") beside Keyhold's own. It was written from that page alone and shares no code with Keyhold. It needs Python 3.9 and
# nothing else, so that AES-256-GCM (FIPS 197, NIST SP 800-38D) is here as well, without any care for time.
#
#   python3 vectors/cipherkeys.py            compute everything again, and compare it with the file
#   python3 vectors/cipherkeys.py complete   compute what is missing, and write it into the file
#
# What the file holds already is frozen: this program changes none of it. To add a cipherkey of format 2, write a case with its
# name, keys, salt, time and key name into the file, and complete it. A case without a key name is of a data key without one.
import hashlib
import hmac
import json
import pathlib
import sys

file = pathlib.Path(__file__).resolve().parent / "known-answers.json"


def number(value, size):
    return value.to_bytes(size, "big")


def lp(text):
    data = text.encode("utf-8")
    return number(len(data), 2) + data


def khc1(purpose, tenant_id, object_id, version, pairs):
    encoded = sorted((key.encode("utf-8"), lp(key) + lp(value)) for key, value in pairs.items())
    start = b"keyhold/ctx/1\x00" + number(purpose, 1) + lp(tenant_id) + lp(object_id) + number(version, 4) + number(1, 2)
    return start + number(len(encoded), 2) + b"".join(pair for _, pair in encoded)


def expand(key, info, length):
    """HKDF-Expand-SHA-512 (RFC 5869)."""
    made, block, counter = b"", b"", 1
    while len(made) < length:
        block = hmac.new(key, block + info + number(counter, 1), hashlib.sha512).digest()
        made, counter = made + block, counter + 1
    return made[:length]


def times(a, b):
    """In the field of AES."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def box_of(value):
    inverse = next((x for x in range(256) if times(value, x) == 1), 0)
    return inverse ^ 0x63 ^ turned(inverse, 1) ^ turned(inverse, 2) ^ turned(inverse, 3) ^ turned(inverse, 4)


def turned(byte, bits):
    return (byte << bits | byte >> (8 - bits)) & 0xFF


box = [box_of(value) for value in range(256)]


def round_keys(key):
    words = [list(key[at : at + 4]) for at in range(0, 32, 4)]
    constant = 1
    while len(words) < 60:
        word = list(words[-1])
        if len(words) % 8 == 0:
            word = [box[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = times(constant, 2)
        elif len(words) % 8 == 4:
            word = [box[byte] for byte in word]
        words.append([a ^ b for a, b in zip(words[-8], word)])
    return [sum(words[at : at + 4], []) for at in range(0, 60, 4)]


def encrypt_block(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for index in range(1, 15):
        state = [box[byte] for byte in state]
        state = [state[(at + 4 * (at % 4)) % 16] for at in range(16)]
        if index < 14:
            state = [
                times(state[c + r], 2) ^ times(state[c + (r + 1) % 4], 3) ^ state[c + (r + 2) % 4] ^ state[c + (r + 3) % 4]
                for c in range(0, 16, 4)
                for r in range(4)
            ]
        state = [a ^ b for a, b in zip(state, keys[index])]
    return bytes(state)


def gmul(x, y):
    product = 0
    for bit in range(127, -1, -1):
        if y >> bit & 1:
            product ^= x
        x = x >> 1 ^ (0xE1 << 120 if x & 1 else 0)
    return product


def seal_chunk(key, nonce, plaintext):
    """AES-256-GCM without associated data: ciphertext and tag."""
    keys = round_keys(key)
    stream = b"".join(encrypt_block(keys, nonce + number(counter, 4)) for counter in range(2, 3 + len(plaintext) // 16))
    ciphertext = bytes(a ^ b for a, b in zip(plaintext, stream))
    subkey = int.from_bytes(encrypt_block(keys, bytes(16)), "big")
    padded = ciphertext + bytes(-len(ciphertext) % 16) + number(0, 8) + number(8 * len(ciphertext), 8)
    digest = 0
    for at in range(0, len(padded), 16):
        digest = gmul(digest ^ int.from_bytes(padded[at : at + 16], "big"), subkey)
    mask = encrypt_block(keys, nonce + number(1, 4))
    return ciphertext + bytes(a ^ b for a, b in zip(number(digest, 16), mask))


def seal(key, context, salt, plaintext):
    """Cobblestone-256 of less than 16,384 bytes."""
    label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
    made = expand(key, label + salt + context, 76)
    return salt + made[44:] + seal_chunk(made[:32], made[32:44], plaintext)


def wrap(entry, pairs):
    tenant_key, data_key = entry["tenantKey"], entry["dataKey"]
    ids = {"tenantKeyId": tenant_key["id"], "tenantKeyVersion": str(tenant_key["version"])}
    context = khc1(2, entry["tenantId"], data_key["id"], data_key["version"], {**ids, **pairs})
    key, salt, plaintext = (bytes.fromhex(value) for value in (tenant_key["key"], entry["salt"], data_key["key"]))
    return context.hex(), seal(key, context, salt, plaintext).hex()


def compute(answers):
    """Answers, for each entry of the file, what it has to hold besides its inputs."""
    for entry in answers["cipherkeys"]:
        yield entry, {"wrapped": wrap(entry, {})[1]}
    for entry in answers["cipherkeysOfFormat2"]:
        name = {"keyName": entry["keyName"]} if "keyName" in entry else {}
        context, wrapped = wrap(entry, {"createdAt": str(entry["createdAtMs"]), **name})
        yield entry, {"context": context, "wrapped": wrapped}


def main():
    answers = json.loads(file.read_text("utf-8"))
    completes = sys.argv[1:] == ["complete"]
    added = 0
    for entry, made in compute(answers):
        for name, value in made.items():
            if name not in entry and completes:
                entry[name] = value
                added += 1
            elif entry.get(name) != value:
                sys.exit(f"{entry.get('name', entry['dataKey']['id'])}: {name} is {entry.get(name)}, computed {value}")
    if completes:
        file.write_text(json.dumps(answers, ensure_ascii=True, indent=2) + "\n", "utf-8")
    counts = [len(answers[name]) for name in ("cipherkeys", "cipherkeysOfFormat2")]
    print(f"{counts[0]} cipherkeys of format 1 and {counts[1]} of format 2 are as docs/formats.md says; {added} values added")


main()
