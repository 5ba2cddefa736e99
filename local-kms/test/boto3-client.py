# What a customer does with boto3, for aws-cli-and-boto3.slow.test.ts. Prints what it has seen as JSON.
import datetime
import json
import os
import subprocess
import tempfile
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


def refusal_of(call):
    try:
        call()
    except kms.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "answered"


def end_grants():
    """One grant is revoked by its owner, one retired by its grantee: neither lets the grantee in any more."""
    other = boto3.client("kms", aws_access_key_id=grantee.split(":")[4], aws_secret_access_key="test")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    give = {"KeyId": arn, "GranteePrincipal": grantee}
    revoked = kms.create_grant(Operations=["Encrypt"], **give)
    other.encrypt(KeyId=arn, Plaintext=b"x", GrantTokens=[revoked["GrantToken"]])
    kms.revoke_grant(KeyId=arn, GrantId=revoked["GrantId"])
    encrypt = lambda: other.encrypt(KeyId=arn, Plaintext=b"x")
    seen = [refusal_of(encrypt)]
    retired = kms.create_grant(Operations=["Encrypt", "RetireGrant"], **give)
    encrypt()
    other.retire_grant(GrantToken=retired["GrantToken"])
    seen.append(refusal_of(encrypt))
    seen.append(refusal_of(lambda: kms.revoke_grant(KeyId=arn, GrantId=retired["GrantId"])))
    return seen


def import_material(key_id, material, **model):
    wrapping = kms.get_parameters_for_import(
        KeyId=key_id, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    with tempfile.NamedTemporaryFile() as public_key:
        public_key.write(wrapping["PublicKey"])
        public_key.flush()
        padding = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"]
        options = [word for each in padding for word in ["-pkeyopt", each]]
        keys = ["-pubin", "-keyform", "DER", "-inkey", public_key.name]
        wrapped = subprocess.run(
            ["openssl", "pkeyutl", "-encrypt", *keys, *options], input=material, capture_output=True, check=True
        ).stdout
    token = wrapping["ImportToken"]
    kms.import_key_material(KeyId=key_id, ImportToken=token, EncryptedKeyMaterial=wrapped, **model)


def import_and_lose():
    """Material is imported, used, deleted and imported again; what it has encrypted opens again."""
    external = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    key_list = kms.get_paginator("list_key_rotations")
    states = lambda: [
        rotation["ImportState"]
        for page in key_list.paginate(
            KeyId=external, IncludeKeyMaterial="ALL_KEY_MATERIAL", PaginationConfig={"PageSize": 1}
        )
        for rotation in page["Rotations"]
    ]
    material = os.urandom(32)
    seen = [kms.describe_key(KeyId=external)["KeyMetadata"]["KeyState"]]
    import_material(external, material, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    seen += states()
    blob = kms.encrypt(KeyId=external, Plaintext=b"x")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=external)
    seen.append(refusal_of(lambda: kms.decrypt(CiphertextBlob=blob)))
    in_an_hour = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    import_material(external, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=in_an_hour)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    seen += states()
    return seen, kms.describe_key(KeyId=external)["KeyMetadata"]["ExpirationModel"]


imported, expires = import_and_lose()
print(
    json.dumps(
        {
            "grants": count("list_grants", "Grants", KeyId=key_id),
            "retirable": count("list_retirable_grants", "Grants", RetiringPrincipal=retiring),
            "rotations": count("list_key_rotations", "Rotations", KeyId=key_id),
            "proxy": proxy,
            "store": state,
            "ended": end_grants(),
            "imported": imported,
            "expires": expires,
            "random": len(kms.generate_random(NumberOfBytes=16)["Plaintext"]),
        }
    )
)
