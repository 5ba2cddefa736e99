"""A program with a client by openapi-python-client. It encrypts and decrypts a value, and bytes."""

import sys
from io import BytesIO

from keyhold_client import AuthenticatedClient
from keyhold_client.api.data import decrypt, encrypt
from keyhold_client.api.key_providers import get_key_provider
from keyhold_client.models import DecryptBody, DecryptItem, EncryptBody, EncryptItem, RefusedItem

url, token = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token)

body = EncryptBody(items=[EncryptItem(plaintext="aGVsbG8="), EncryptItem(plaintext="!")])
first, second = encrypt.sync(client=client, body=body).items
assert isinstance(second, RefusedItem), second
[opened] = decrypt.sync(client=client, body=DecryptBody(items=[DecryptItem(token=first.token)])).items
refused = get_key_provider.sync("0", client=client)
print(opened.plaintext, second.error.code, refused.errors[0].code)
