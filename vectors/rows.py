# Makes and checks rows.json: an implementation of docs/formats.md ("MACs of rows", "Audit records") beside Keyhold's own. It was
# written from that page alone and shares no code with Keyhold. It needs Python 3.9 and nothing else.
#
#   python3 vectors/rows.py            compute everything again, and compare it with the file
#   python3 vectors/rows.py complete   compute what is missing, and write it into the file
#
# What the file holds already is frozen: this program changes none of it. To add a row, write a case with its name, kind and
# values into the file, and complete it. The types of columns come from the table in docs/formats.md.
#
# Values: text as it is, or {"repeat": text, "times": n}; bytes in hex; integers in decimal, as text; times as PostgreSQL
# writes them in UTC; lists of texts as lists. A column that is left out is null. Bytes of more than 4 KiB are given by their SHA-256.
import datetime
import hashlib
import hmac
import json
import pathlib
import re
import sys

folder = pathlib.Path(__file__).resolve().parent
file = folder / "rows.json"
page = (folder.parent / "docs" / "formats.md").read_text("utf-8")
max_bytes = 4096


def read_kinds():
    """The columns of each kind with their types, as the page lists them."""
    table = re.search(r"<!-- table: steering-kinds -->(.*?)<!-- end of table -->", page, re.S).group(1)
    kinds = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            kinds[cells[0].strip("`")] = dict(re.findall(r"`(\w+)` (\w+)", cells[3]))
    return kinds


def number(value, size):
    return value.to_bytes(size, "big")


def lp(value):
    data = value if isinstance(value, bytes) else value.encode("utf-8")
    return number(len(data), 2) + data


def long(data):
    return number(len(data), 4) + data


def milliseconds(text):
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00", text)
    moment = datetime.datetime.strptime(match.group(1), "%Y-%m-%d %H:%M:%S")
    since = moment - datetime.datetime(1970, 1, 1)
    microseconds = (since.days * 86400 + since.seconds) * 10**6 + int((match.group(2) or "").ljust(6, "0"))
    # Python's division rounds down, also below zero.
    return microseconds // 1000


def text_of(value):
    return value if isinstance(value, str) else value["repeat"] * value["times"]


def encode_value(kind, value):
    if kind == "text":
        return b"\x01" + long(text_of(value).encode("utf-8"))
    if kind == "bytes":
        return b"\x02" + long(bytes.fromhex(value))
    if kind == "integer":
        return b"\x03" + int(value).to_bytes(8, "big", signed=True)
    if kind == "boolean":
        return b"\x04" + (b"\x01" if value else b"\x00")
    if kind == "uuid":
        return b"\x05" + bytes.fromhex(value.replace("-", ""))
    if kind == "time":
        return b"\x06" + milliseconds(value).to_bytes(8, "big", signed=True)
    if kind == "texts":
        return b"\x07" + number(len(value), 4) + b"".join(long(each.encode("utf-8")) for each in value)
    raise ValueError(f"no type {kind}")


def encode_row(kind, types, row):
    unknown = set(row) - set(types)
    if unknown:
        raise ValueError(f"docs/formats.md names no {sorted(unknown)} of {kind}")
    present = sorted((name.encode("utf-8"), name) for name, value in row.items() if value is not None)
    columns = b"".join(lp(name) + encode_value(types[name], row[name]) for _, name in present)
    return b"keyhold/row/1\x00" + lp(kind) + number(len(present), 2) + columns


def hkdf(key, info, length):
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    made, block, counter = b"", b"", 1
    while len(made) < length:
        block = hmac.new(extracted, block + info + bytes([counter]), hashlib.sha256).digest()
        made, counter = made + block, counter + 1
    return made[:length]


def mac_key(ring, kind):
    info = b"keyhold/mac-key/1\x00" + lp(ring["installationId"]) + lp(kind)
    return hkdf(bytes.fromhex(ring["rootKey"]), info, 32)


def mac_of(ring, kind, data):
    return b"\x01" + bytes.fromhex(ring["rootKeyId"]) + hmac.new(mac_key(ring, kind), data, hashlib.sha256).digest()


def shown(data):
    return {"bytes": data.hex()} if len(data) <= max_bytes else {"bytesSha256": hashlib.sha256(data).hexdigest()}


def manifest_of(entries):
    named = sorted((lp(e["kind"]) + lp(e["key"]), lp(bytes.fromhex(e["mac"] or ""))) for e in entries)
    data = b"keyhold/manifest/1\x00" + number(len(named), 4) + b"".join(name + mac for name, mac in named)
    return hashlib.sha256(data).hexdigest()


def stored_json(value):
    if value is None or isinstance(value, bool):
        return number([None, False, True].index(value), 1)
    if isinstance(value, int):
        return b"\x03" + value.to_bytes(8, "big", signed=True)
    if isinstance(value, str):
        return b"\x04" + long(value.encode("utf-8"))
    if isinstance(value, list):
        return b"\x05" + number(len(value), 4) + b"".join(stored_json(each) for each in value)
    members = sorted((name.encode("utf-8"), member) for name, member in value.items())
    return b"\x06" + number(len(members), 4) + b"".join(long(name) + stored_json(member) for name, member in members)


def json_digest(name, value):
    data = b"keyhold/stored-json/1\x00" + long(name.encode("utf-8")) + stored_json(value)
    return hashlib.sha256(data).hexdigest()


key_job_columns = {
    "lastError": ("keyJobError", "at code message", ""),
    "verification": ("keyJobVerification", "digest verifiedAt", "acceptedFailures cipherkeys tenantKeyVersion"),
    "verifiedTo": (
        "keyJobPosition",
        "afterDataKeyId digestState endDataKeyId savedAt",
        "afterVersion copied endVersion rows tenantKeyVersion",
    ),
}


def key_job_digest(column, value):
    if value is None:
        return bytes(32)
    kind, texts, integers = key_job_columns[column]
    types = {**dict.fromkeys(texts.split(), "text"), **dict.fromkeys(integers.split(), "integer")}
    flat = {name: member for name, member in value.items() if name not in ("after", "end")}
    for side in {"after", "end"} & set(value):
        flat[side + "DataKeyId"] = value[side]["dataKeyId"]
        flat[side + "Version"] = value[side]["version"]
    return hashlib.sha256(encode_row(kind, types, flat)).digest()


# Ed25519 (RFC 8032, section 5.1), without any care for time: only for the keys of this file.
p = 2**255 - 19
order = 2**252 + 27742317777372353535851937790883648493
d = -121665 * pow(121666, p - 2, p) % p


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = d * x1 * x2 * y1 * y2 % p
    return (
        (x1 * y2 + x2 * y1) * pow(1 + t, p - 2, p) % p,
        (y1 * y2 + x1 * x2) * pow(1 - t, p - 2, p) % p,
    )


def multiply(scalar, point):
    result = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def base_point():
    y = 4 * pow(5, p - 2, p) % p
    square = (y * y - 1) * pow(d * y * y + 1, p - 2, p) % p
    x = pow(square, (p + 3) // 8, p)
    if x * x % p != square:
        x = x * pow(2, (p - 1) // 4, p) % p
    return (x if x % 2 == 0 else p - x, y)


base = base_point()


def compress(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def little(data):
    return int.from_bytes(data, "little")


def secret_of(seed):
    digest = hashlib.sha512(seed).digest()
    return little(digest[:32]) & ((1 << 254) - 8) | (1 << 254), digest[32:]


def public_key(seed):
    return compress(multiply(secret_of(seed)[0], base))


def sign(seed, message):
    scalar, prefix = secret_of(seed)
    nonce = little(hashlib.sha512(prefix + message).digest()) % order
    point = compress(multiply(nonce, base))
    challenge = little(hashlib.sha512(point + public_key(seed) + message).digest()) % order
    return point + ((nonce + challenge * scalar) % order).to_bytes(32, "little")


def base64url(data):
    import base64

    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def thumbprint(seed):
    x = base64url(public_key(seed))
    return base64url(hashlib.sha256(compact({"crv": "Ed25519", "kty": "OKP", "x": x})).digest())


def named_key(seed):
    return {"kid": thumbprint(seed), "x": base64url(public_key(seed))}


def jws_of(seed, payload):
    header = base64url(compact({"alg": "EdDSA", "kid": thumbprint(seed)}))
    text = f"{header}.{base64url(compact(payload))}"
    return f"{text}.{base64url(sign(seed, text.encode('ascii')))}"


def compute(vectors):
    """Answers, for each entry of the file, what it has to hold besides its inputs."""
    kinds = read_kinds()
    rings = vectors["rings"]
    for entry in vectors["macKeys"]:
        yield entry, {"macKey": mac_key(rings[entry["ring"]], entry["kind"]).hex()}
    for entry in vectors["rows"] + vectors["refused"]:
        data = encode_row(entry["kind"], kinds[entry["kind"]], entry["row"])
        yield entry, {**shown(data), "mac": mac_of(rings[entry["ring"]], entry["kind"], data).hex()}
    for entry in vectors["manifests"]:
        yield entry, {"digest": manifest_of(entry["entries"])}
    for entry in vectors["storedJson"]:
        yield entry, {"digest": json_digest(entry["name"], entry["value"])}
    for entry in vectors["keyJobJson"]:
        digests = b"".join(key_job_digest(column, entry[column]) for column in key_job_columns)
        yield entry, {"digests": digests.hex()}
    seed = bytes.fromhex(vectors["signingKey"]["seed"])
    yield vectors["signingKey"], {"x": base64url(public_key(seed)), "kid": thumbprint(seed)}
    previous = "0" * 64
    for entry in vectors["checkpoints"]:
        if entry["payload"]["previous"] is None:
            entry["payload"]["previous"] = previous
        jws = jws_of(seed, entry["payload"])
        previous = hashlib.sha256(jws.encode("ascii")).hexdigest()
        yield entry, {"jws": jws, "digest": previous}
    for entry in vectors["rotations"]:
        seeds = {name: bytes.fromhex(entry[name]) for name in ("replacedSeed", "successorSeed")}
        replaced, successor = (named_key(seeds[name]) for name in ("replacedSeed", "successorSeed"))
        payload = {
            "type": "keyhold/signing-key-rotation/1",
            "installationId": entry["installationId"],
            "number": entry["number"],
            "replaced": replaced,
            "successor": successor,
            "rotatedAt": entry["rotatedAt"],
        }
        yield entry, {
            "statement": jws_of(seeds["replacedSeed"], payload),
            "counterstatement": jws_of(seeds["successorSeed"], payload),
        }


def main():
    vectors = json.loads(file.read_text("utf-8"))
    completes = sys.argv[1:] == ["complete"]
    added = 0
    for entry, made in compute(vectors):
        for name, value in made.items():
            if name not in entry and completes:
                entry[name] = value
                added += 1
            elif entry.get(name) != value:
                sys.exit(f"{entry.get('name', entry.get('kind', 'the signing key'))}: {name} is {entry.get(name)}, computed {value}")
    if completes:
        file.write_text(json.dumps(vectors, ensure_ascii=True, indent=2) + "\n", "utf-8")
    print(f"{len(vectors['rows'])} rows, {len(vectors['checkpoints'])} checkpoints are as docs/formats.md says; {added} values added")


main()
