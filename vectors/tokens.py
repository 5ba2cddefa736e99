# Opens and makes tokens and files: an implementation of docs/formats.md ("Cobblestone-256", "KHC1", "Tokens", "Files") beside
# Keyhold's own. It was written from that page alone and shares no code with Keyhold. It needs Python 3.9 and the package
# `cryptography`.
#
#   python3 vectors/tokens.py check         open the tokens and files of known-answers.json, and make them again
#   python3 vectors/tokens.py < TASKS       do what a JSON document asks: {"open": [...], "make": [...]}
#
# A task has `kind` (`token` or `file`), `tenantId`, `dataKey` (`id`, `version`, `key` in hex) and `context`; to open also `data` in
# hex (of a token: its text), to make also `plaintext` in hex. The answer has the plaintexts and the data in the same order, and
# null for what does not open.
import hashlib
import hmac
import json
import os
import pathlib
import sys
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 16384
TAG = 16
SALT = 24
COMMITMENT = 32
HEADER = 26
PURPOSES = {"token": 3, "file": 4}


class Refused(Exception):
    pass


def number(value, size):
    return value.to_bytes(size, "big")


def lp(text):
    data = text.encode("utf-8")
    return number(len(data), 2) + data


def khc1(purpose, tenant_id, object_id, version, pairs):
    ordered = sorted(pairs.items(), key=lambda pair: pair[0].encode("utf-8"))
    start = b"keyhold/ctx/1\x00" + number(purpose, 1) + lp(tenant_id) + lp(object_id) + number(version, 4) + number(1, 2)
    return start + number(len(ordered), 2) + b"".join(lp(key) + lp(value) for key, value in ordered)


def derive(key, salt, context):
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    first = hmac.new(key, info + b"\x01", hashlib.sha512).digest()
    made = first + hmac.new(key, first + info + b"\x02", hashlib.sha512).digest()
    return made[:32], int.from_bytes(made[32:44], "big"), made[44:76]


def seal(key, context, plaintext, salt):
    chunk_key, nonce, commitment = derive(key, salt, context)
    cipher = AESGCM(chunk_key)
    chunks = [
        cipher.encrypt(number(nonce ^ at, 12), plaintext[at * CHUNK : (at + 1) * CHUNK], None)
        for at in range(len(plaintext) // CHUNK + 1)
    ]
    return salt + commitment + b"".join(chunks)


def unseal(key, context, sealed):
    rest = len(sealed) - SALT - COMMITMENT
    if rest < TAG or rest % (CHUNK + TAG) < TAG:
        raise Refused
    chunk_key, nonce, commitment = derive(key, sealed[:SALT], context)
    if not hmac.compare_digest(commitment, sealed[SALT : SALT + COMMITMENT]):
        raise Refused
    cipher = AESGCM(chunk_key)
    body = sealed[SALT + COMMITMENT :]
    try:
        return b"".join(
            cipher.decrypt(number(nonce ^ at, 12), body[at * (CHUNK + TAG) : (at + 1) * (CHUNK + TAG)], None)
            for at in range(rest // (CHUNK + TAG) + 1)
        )
    except InvalidTag:
        raise Refused


def header_of(data_key):
    return b"KH\x01" + number(1, 2) + b"\x00" + uuid.UUID(data_key["id"]).bytes + number(data_key["version"], 4)


def binding(task, header):
    data_key = task["dataKey"]
    return header + khc1(PURPOSES[task["kind"]], task["tenantId"], data_key["id"], data_key["version"], task["context"])


def make(task, salt):
    header = header_of(task["dataKey"])
    key = bytes.fromhex(task["dataKey"]["key"])
    data = header + seal(key, binding(task, header), bytes.fromhex(task["plaintext"]), salt)
    if task["kind"] == "file":
        return data.hex()
    return "kh1." + urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def bytes_in(task):
    if task["kind"] == "file":
        return bytes.fromhex(task["data"])
    prefix, _, text = task["data"].partition(".")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # The encoding is canonical.
    if prefix != "kh1" or urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != text:
        raise Refused
    return data


def open_one(task):
    data = bytes_in(task)
    header = data[:HEADER]
    if header != header_of(task["dataKey"]):
        raise Refused
    return unseal(bytes.fromhex(task["dataKey"]["key"]), binding(task, header), data[HEADER:]).hex()


def opened(task):
    try:
        return open_one(task)
    except Refused:
        return None


def check_known_answers():
    path = pathlib.Path(__file__).resolve().parent / "known-answers.json"
    answers = json.loads(path.read_text("utf-8"))
    tokens = [dict(each, kind="token") for each in answers["tokens"]]
    for each in tokens:
        assert make(each, bytes.fromhex(each["salt"])) == each["token"], each["name"]
        assert opened(dict(each, data=each["token"])) == each["plaintext"], each["name"]
    files = [dict(each, kind="file") for each in answers["files"]]
    for each in files:
        size = each["patternedPlaintextBytes"]
        each["plaintext"] = (bytes(range(251)) * (size // 251 + 1))[:size].hex()
        data = make(each, bytes.fromhex(each["salt"]))
        assert hashlib.sha256(bytes.fromhex(data)).hexdigest() == each["fileSha256"], each["name"]
        assert opened(dict(each, data=data)) == each["plaintext"], each["name"]
    print(f"{len(tokens)} tokens and {len(files)} files are as docs/formats.md says")


if __name__ == "__main__":
    if sys.stdin.isatty() or len(sys.argv) > 1:
        check_known_answers()
    else:
        tasks = json.load(sys.stdin)
        answer = {
            "opened": [opened(task) for task in tasks["open"]],
            "made": [make(task, os.urandom(SALT)) for task in tasks["make"]],
        }
        print(json.dumps(answer))
