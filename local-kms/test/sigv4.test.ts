// A request is carried out only if it arrives as its sender signed it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DescribeKeyCommand, EncryptCommand, type KMSClient, ListKeysCommand } from '@aws-sdk/client-kms'
import { expect, test } from 'vitest'
import { bytes, createKey, ownerAccount, homeRegion, refusal, startKms, text } from './kms-under-test.ts'

const kms = await startKms()
const key = await createKey(kms.client())

interface SignedRequest {
  headers: Record<string, string>
  body: Uint8Array
}

/** Changes a request after the SDK has signed it. */
function tampering(change: (request: SignedRequest) => void): KMSClient {
  const tampered = kms.client()
  tampered.middlewareStack.add(
    (next) => (args) => {
      change(args.request as SignedRequest)
      return next(args)
    },
    { step: 'deserialize', name: 'tamper' },
  )
  return tampered
}

const list = (from: KMSClient) => refusal(from.send(new ListKeysCommand({})))
const mismatch = {
  name: 'InvalidSignatureException',
  message:
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  status: 400,
}

test('a wrong secret is refused', async () => {
  expect(await list(kms.client({ secretAccessKey: 'tesT' }))).toStrictEqual(mismatch)
})

test.each(['AKIAIOSFODNN7EXAMPLE', '12345678901', '1234567890123', 'TEST'])(
  'an unknown access key is refused: %s',
  async (accessKeyId) => {
    expect(await list(kms.client({ accessKeyId }))).toStrictEqual({
      name: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
      status: 400,
    })
  },
)

test('a session token that was never issued is refused', async () => {
  const { name } = await list(kms.client({ sessionToken: 'stale' }))
  expect(name).toBe('UnrecognizedClientException')
})

test('a body, a target or a header that changed on the way is refused', async () => {
  const encrypt = new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x') })
  const body = tampering((request) => {
    request.body = bytes(text(request.body).replace('eA==', 'eQ=='))
  })
  expect(await refusal(body.send(encrypt))).toStrictEqual(mismatch)
  const target = tampering((request) => {
    request.headers['x-amz-target'] = 'TrentService.DisableKey'
  })
  expect(await refusal(target.send(new DescribeKeyCommand({ KeyId: key.arn })))).toStrictEqual(mismatch)
  const added = tampering((request) => {
    request.headers['x-amz-meta-extra'] = 'unsigned'
  })
  expect(await list(added)).toMatchObject({
    name: 'InvalidSignatureException',
    message: "'x-amz-meta-extra' must be a 'SignedHeader' in the AWS Authorization.",
  })
  const signature = tampering((request) => {
    request.headers.authorization = (request.headers.authorization ?? '').slice(0, -1)
  })
  expect(await list(signature)).toStrictEqual(mismatch)
})

test.each([-4, 4])('a clock that is %i minutes off is accepted', async (minutes) => {
  await kms.client({ systemClockOffset: minutes * 60_000 }).send(new ListKeysCommand({}))
})

test.each([
  [-6, /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/],
  [
    6,
    /^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)$/,
  ],
])('a clock that is %i minutes off is refused', async (minutes, message) => {
  expect(await list(kms.client({ systemClockOffset: minutes * 60_000 }))).toMatchObject({
    name: 'InvalidSignatureException',
    message: expect.stringMatching(message) as string,
  })
})

const today = new Date().toISOString().slice(0, 10).replaceAll('-', '')
const scoped = (scope: string) =>
  `AWS4-HMAC-SHA256 Credential=${ownerAccount}/${scope}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`

test.each([
  ['none', undefined, 'MissingAuthenticationTokenException', 'Missing Authentication Token'],
  [
    'another algorithm',
    'AWS4-ECDSA-P256-SHA256 Credential=x',
    'IncompleteSignatureException',
    "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
  ],
  [
    'no signature',
    `AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host`,
    'IncompleteSignatureException',
    "Authorization header requires 'Signature' parameter.",
  ],
  [
    'a short scope',
    scoped(`${today}/kms`),
    'IncompleteSignatureException',
    `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${ownerAccount}/${today}/kms'`,
  ],
  [
    'another service',
    scoped(`${today}/${homeRegion}/sts/aws4_request`),
    'InvalidSignatureException',
    "Credential should be scoped to correct service: 'kms'.",
  ],
  [
    'no Region',
    scoped(`${today}/nowhere/kms/aws4_request`),
    'InvalidSignatureException',
    'Credential should be scoped to a valid region.',
  ],
  [
    'another end',
    scoped(`${today}/${homeRegion}/kms/aws5_request`),
    'InvalidSignatureException',
    "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
  ],
  [
    'another day',
    scoped(`20200101/${homeRegion}/kms/aws4_request`),
    'InvalidSignatureException',
    `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20200101' != '${today}', from '${today}T000000Z'.`,
  ],
])('an authorization with %s is refused on the wire as by AWS', async (_, authorization, __type, message) => {
  const response = await fetch(kms.url, {
    method: 'POST',
    headers: {
      'x-amz-date': `${today}T000000Z`,
      'x-amz-target': 'TrentService.ListKeys',
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: '{}',
  })
  expect(response.status).toBe(400)
  expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.1')
  expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
  expect(await response.json()).toStrictEqual({ __type, message })
})

async function curl(operation: string, body: string, user = `${ownerAccount}:test`): Promise<unknown> {
  const { stdout } = await promisify(execFile)('curl', [
    ...['--silent', '--show-error', '--aws-sigv4', `aws:amz:${homeRegion}:kms`, '--user', user],
    ...['--header', 'content-type: application/x-amz-json-1.1'],
    ...['--header', `x-amz-target: ${operation}`, '--data', body, kms.url],
  ])
  return JSON.parse(stdout)
}

test('curl calls it as it calls AWS', async () => {
  const body = JSON.stringify({ KeyId: key.keyId })
  expect(await curl('TrentService.DescribeKey', body)).toMatchObject({ KeyMetadata: { Arn: key.arn } })
  expect(await curl('TrentService.DescribeKey', body, `${ownerAccount}:wrong`)).toStrictEqual({
    __type: mismatch.name,
    message: mismatch.message,
  })
})

test.each([
  ['TrentService.Nonsense', '{}', { __type: 'UnknownOperationException' }],
  ['DynamoDB_20120810.ListTables', '{}', { __type: 'UnknownOperationException' }],
  ['TrentService.ListKeys', '{', { __type: 'SerializationException' }],
  [
    'TrentService.DescribeKey',
    '{"KeyId":1}',
    { __type: 'SerializationException', message: 'NUMBER_VALUE can not be converted to a String' },
  ],
  [
    'TrentService.DescribeKey',
    '{"KeyId":null}',
    {
      __type: 'ValidationException',
      message:
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
    },
  ],
])('%s with %s is answered as by AWS', async (operation, body, expected) => {
  expect(await curl(operation, body)).toStrictEqual(expected)
})

test('an oversized request is refused', async () => {
  const response = await fetch(kms.url, { method: 'POST', body: 'x'.repeat(2 * 1024 * 1024) })
  expect(response.status).toBe(413)
})
