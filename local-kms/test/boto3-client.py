# What a customer does with boto3, for aws-cli-and-boto3.slow.test.ts. Prints what it has seen as JSON.
import json
import os
import time

import boto3

kms = boto3.client("kms")
grantee = os.environ["GRANTEE"]
key_id = kms.create_key()["KeyMetadata"]["KeyId"]
for name in ["one", "two", "three"]:
    kms.create_grant(
        KeyId=key_id,
        GranteePrincipal=grantee,
        RetiringPrincipal=boto3.client("sts").get_caller_identity()["Arn"],
        Operations=["Encrypt", "Decrypt"],
        Name=name,
        Constraints={"EncryptionContextEquals": {"tenantId": name}},
    )


def count(operation, member, **arguments):
    pages = kms.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **arguments)
    return sum(len(page[member]) for page in pages)


retiring = kms.list_grants(KeyId=key_id)["Grants"][0]["RetiringPrincipal"]
for _ in range(2):
    kms.rotate_key_on_demand(KeyId=key_id)

store_id = kms.create_custom_key_store(
    CustomKeyStoreName="external",
    CustomKeyStoreType="EXTERNAL_KEY_STORE",
    XksProxyUriEndpoint="https://denying.example.com",
    XksProxyUriPath="/kms/xks/v1",
    XksProxyConnectivity="PUBLIC_ENDPOINT",
    XksProxyAuthenticationCredential={
        "AccessKeyId": "ABCDEFGHIJKLMNOPQRST",
        "RawSecretAccessKey": "x" * 43,
    },
)["CustomKeyStoreId"]
kms.connect_custom_key_store(CustomKeyStoreId=store_id)
state = "CONNECTING"
while state == "CONNECTING":
    time.sleep(0.05)
    stores = kms.describe_custom_key_stores(CustomKeyStoreId=store_id)["CustomKeyStores"]
    state = stores[0]["ConnectionState"]
try:
    kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store_id, XksKeyId="k")
    proxy = ["answered", ""]
except kms.exceptions.KMSInvalidStateException as error:
    proxy = [error.response["Error"]["Code"], error.response["Error"]["Message"]]

print(
    json.dumps(
        {
            "grants": count("list_grants", "Grants", KeyId=key_id),
            "retirable": count("list_retirable_grants", "Grants", RetiringPrincipal=retiring),
            "rotations": count("list_key_rotations", "Rotations", KeyId=key_id),
            "proxy": proxy,
            "store": state,
            "random": len(kms.generate_random(NumberOfBytes=16)["Plaintext"]),
        }
    )
)
