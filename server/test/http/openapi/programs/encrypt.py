"""A program with a client by openapi-python-client. It encrypts and decrypts a value, and bytes."""

import sys
from io import BytesIO

from keyhold_client import AuthenticatedClient
from keyhold_client.api.data import decrypt, decrypt_bytes, encrypt, encrypt_bytes
from keyhold_client.api.key_providers import get_key_provider
from keyhold_client.models import DecryptBody, DecryptItem, EncryptBody, EncryptItem, RefusedItem
from keyhold_client.types import File

url, token = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token)

body = EncryptBody(items=[EncryptItem(plaintext="aGVsbG8="), EncryptItem(plaintext="!")])
first, second = encrypt.sync(client=client, body=body).items
assert isinstance(second, RefusedItem), second
[opened] = decrypt.sync(client=client, body=DecryptBody(items=[DecryptItem(token=first.token)])).items
sealed = encrypt_bytes.sync(client=client, body=File(payload=BytesIO(b"bytes")), keyhold_key_name="photos")
unsealed = decrypt_bytes.sync(client=client, body=File(payload=BytesIO(sealed.payload.read())))
refused = get_key_provider.sync("0", client=client)
print(opened.plaintext, unsealed.payload.read().decode(), second.error.code, refused.errors[0].code)
