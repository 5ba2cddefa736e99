// Every way in which AWS KMS can refuse or fail, produced for real where that is possible, and its one cause.
import {
  DecryptCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  PutKeyPolicyCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { isKeyholdError, KeyholdError, parseByokWrap, type Kms } from '@keyhold/core'
import { afterEach, expect, test } from 'vitest'
import { fromAwsError } from '../../src/kms/errors/aws-kms-errors.ts'
import { xksFailures } from '../../../local-kms/src/keys/xks-failures.ts'
import { createExternalKey } from '../../../testkit/src/customer/external-key.ts'
import { deleteMaterial, importMaterial, newMaterial } from '../../../testkit/src/customer/imported-key.ts'
import { customerKeyPolicy, keyholdAccount } from '../../../testkit/src/server/start-test-server.ts'
import { arnIn, otherRegion, policyWith, ref, region, startAws } from './aws-under-test.ts'

const { local, aws, adapter, customer, createKey } = await startAws()
const keyArn = await createKey({ MultiRegion: true })
const { wrapped } = await aws.createTenantKey(keyArn, ref)

afterEach(() => {
  local.faults.clear()
})

async function refusal(asked: Promise<unknown>): Promise<KeyholdError> {
  const error: unknown = await asked.then(
    () => new Error('it was allowed'),
    (reason: unknown) => reason,
  )
  if (isKeyholdError(error)) return error
  throw error
}

const unwrap = (kms: Kms = aws) => refusal(kms.unwrapTenantKey(keyArn, wrapped, ref))
const create = (kms: Kms = aws, arn = keyArn) => refusal(kms.createTenantKey(arn, ref))

test('denied by the key policy', async () => {
  const denying = await createKey({ Policy: policyWith(['DescribeKey', 'GenerateDataKey']) })
  const made = await aws.createTenantKey(denying, ref)
  expect(await refusal(aws.unwrapTenantKey(denying, made.wrapped, ref))).toMatchObject({
    code: 'ERR_KMS_DENIED',
    details: { action: 'Decrypt', region },
  })
  const policy = policyWith(['DescribeKey', 'Decrypt'])
  await customer().send(new PutKeyPolicyCommand({ KeyId: denying, Policy: policy }))
  expect(await create(aws, denying)).toMatchObject({
    code: 'ERR_KMS_DENIED',
    details: { action: 'GenerateDataKey', region },
  })
})

test('disabled, and usable again once it is enabled', async () => {
  await customer().send(new DisableKeyCommand({ KeyId: keyArn }))
  expect(await unwrap()).toMatchObject({ code: 'ERR_KMS_KEY_DISABLED' })
  expect(await create()).toMatchObject({ code: 'ERR_KMS_KEY_DISABLED' })
  await customer().send(new EnableKeyCommand({ KeyId: keyArn }))
  expect(await aws.unwrapTenantKey(keyArn, wrapped, ref)).toBeDefined()
})

test('pending deletion', async () => {
  const leaving = await createKey()
  const made = await aws.createTenantKey(leaving, ref)
  await customer().send(new ScheduleKeyDeletionCommand({ KeyId: leaving }))
  expect(await create(aws, leaving)).toMatchObject({ code: 'ERR_KMS_KEY_PENDING_DELETION' })
  expect(await refusal(aws.unwrapTenantKey(leaving, made.wrapped, ref))).toMatchObject({
    code: 'ERR_KMS_KEY_PENDING_DELETION',
  })
})

test('not found in our own account; in another one AWS does not tell it from denied', async () => {
  const id = '00000000-0000-4000-8000-000000000000'
  const ours = `arn:aws:kms:${region}:${keyholdAccount}:key/${id}`
  expect(await create(aws, ours)).toMatchObject({ code: 'ERR_KMS_KEY_NOT_FOUND' })
  expect(await create(aws, keyArn.replace(/mrk-.*/, id))).toMatchObject({ code: 'ERR_KMS_DENIED' })
})

test('of the wrong usage', async () => {
  const signing = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  expect(await create(aws, signing)).toMatchObject({ code: 'ERR_KMS_KEY_WRONG_USAGE' })
  expect(await refusal(aws.inspectKey(signing, ref.tenantId))).toMatchObject({
    code: 'ERR_KMS_KEY_WRONG_USAGE',
  })
})

test('not ready, as a replica that is being made', async () => {
  const command = new ReplicateKeyCommand({
    KeyId: keyArn,
    ReplicaRegion: otherRegion,
    Policy: policyWith(['DescribeKey', 'Decrypt', 'GenerateDataKey']),
  })
  await customer().send(command)
  expect(await create(aws, arnIn(keyArn, otherRegion))).toMatchObject({
    code: 'ERR_KMS_KEY_NOT_READY',
    details: { region: otherRegion },
  })
})

test('without its imported key material, until that is imported again', async () => {
  const imported = await createKey({ Origin: 'EXTERNAL' })
  const material = newMaterial()
  await importMaterial(customer(), imported, material)
  const made = await aws.createTenantKey(imported, ref)
  await deleteMaterial(customer(), imported)
  const pendingImport = { code: 'ERR_KMS_KEY_PENDING_IMPORT' }
  expect(await refusal(aws.unwrapTenantKey(imported, made.wrapped, ref))).toMatchObject(pendingImport)
  expect(await create(aws, imported)).toMatchObject(pendingImport)
  expect(await refusal(aws.inspectKey(imported, ref.tenantId))).toMatchObject(pendingImport)
  await importMaterial(customer(), imported, material)
  expect(await aws.unwrapTenantKey(imported, made.wrapped, ref)).toBeDefined()
})

// All of them are one exception of AWS KMS.
test('in an external key store: every failure of its proxy', async () => {
  const external = await createExternalKey(local, customer(), customerKeyPolicy())
  const { keyArn: arn } = external
  const made = await aws.createTenantKey(arn, ref)
  const codeOf = async () => (await refusal(aws.unwrapTenantKey(arn, made.wrapped, ref))).code
  const seen: Record<string, string> = {}
  for (const failure of xksFailures.keys()) {
    const end = external.fail(failure)
    seen[failure] = await codeOf()
    end()
  }
  expect(seen).toEqual({
    AccessDeniedException: 'ERR_KMS_EXTERNAL_KEY_DENIED',
    AuthenticationFailedException: 'ERR_KMS_EXTERNAL_KEY_DENIED',
    InvalidKeyUsageException: 'ERR_KMS_EXTERNAL_KEY_DENIED',
    InvalidStateException: 'ERR_KMS_EXTERNAL_KEY_DISABLED',
    KeyNotFoundException: 'ERR_KMS_EXTERNAL_KEY_NOT_FOUND',
    InvalidCiphertext: 'ERR_KMS_INVALID_CIPHERTEXT',
    InvalidCiphertextException: 'ERR_KMS_INVALID_CIPHERTEXT',
    DependencyTimeoutException: 'ERR_KMS_KEY_STORE_UNREACHABLE',
    InternalException: 'ERR_KMS_KEY_STORE_UNREACHABLE',
    InvalidUriPathException: 'ERR_KMS_KEY_STORE_UNREACHABLE',
    MalformedResponse: 'ERR_KMS_KEY_STORE_UNREACHABLE',
    NoTcpConnection: 'ERR_KMS_KEY_STORE_UNREACHABLE',
    NoTlsConnection: 'ERR_KMS_KEY_STORE_UNREACHABLE',
    SocketTimeout: 'ERR_KMS_KEY_STORE_UNREACHABLE',
    ThrottlingException: 'ERR_KMS_KEY_STORE_THROTTLED',
    UnsupportedOperationException: 'ERR_KMS_KEY_STORE_UNREACHABLE',
    ValidationException: 'ERR_KMS_KEY_STORE_UNREACHABLE',
  })

  await external.disconnect()
  expect(await codeOf()).toBe('ERR_KMS_KEY_STORE_UNREACHABLE')
  expect(await refusal(aws.inspectKey(arn, ref.tenantId))).toMatchObject({
    code: 'ERR_KMS_KEY_STORE_UNREACHABLE',
  })
  await external.connect()
  expect(await aws.unwrapTenantKey(arn, made.wrapped, ref)).toBeDefined()
})

test('invalid ciphertext: a changed bit, and another tenant', async () => {
  const changed = Buffer.from(wrapped)
  changed[changed.length - 8] = changed[changed.length - 8] === 65 ? 66 : 65
  expect(await refusal(aws.unwrapTenantKey(keyArn, changed, ref))).toMatchObject({
    code: 'ERR_KMS_INVALID_CIPHERTEXT',
  })
  expect(await refusal(aws.unwrapTenantKey(keyArn, wrapped, { ...ref, tenantId: 'tenant-2' }))).toMatchObject(
    { code: 'ERR_KMS_INVALID_CIPHERTEXT' },
  )
})

test('throttled, after three tries', async () => {
  local.resetCallCounts()
  local.faults.add({ kind: 'throttle' })
  expect(await unwrap()).toMatchObject({ code: 'ERR_KMS_THROTTLED' })
  expect(local.countCalls({ operation: 'Decrypt' })).toBe(3)
})

test('throttled once or failed once is tried again unnoticed', async () => {
  local.faults.add({ kind: 'throttle', count: 1 })
  local.faults.add({ kind: 'error500', count: 1 })
  expect(await aws.unwrapTenantKey(keyArn, wrapped, ref)).toBeDefined()
})

test('failed inside', async () => {
  local.faults.add({ kind: 'error500' })
  expect(await unwrap()).toMatchObject({ code: 'ERR_KMS_FAILED' })
})

test('silent: given up after three seconds', async () => {
  local.faults.add({ kind: 'hang' })
  const startMs = performance.now()
  const errors = await Promise.all([unwrap(), create(), refusal(aws.inspectKey(keyArn, ref.tenantId))])
  expect(errors.map(({ code }) => code)).toEqual(Array<string>(3).fill('ERR_KMS_TIMEOUT'))
  // Twice as long would be a second wait; the rest is room for a busy machine.
  expect(performance.now() - startMs).toBeLessThan(5_500)
})

test('given up at once when the caller has gone', async () => {
  local.faults.add({ kind: 'hang' })
  const startMs = performance.now()
  const asked = aws.unwrapTenantKey(keyArn, wrapped, ref, { signal: AbortSignal.timeout(100) })
  expect(await refusal(asked)).toMatchObject({ code: 'ERR_KMS_TIMEOUT' })
  // Without the signal it would be three seconds.
  expect(performance.now() - startMs).toBeLessThan(2_500)
})

test('unreachable: nothing listens, or the name has no address', async () => {
  const credentials = { accessKeyId: keyholdAccount, secretAccessKey: 'test' }
  for (const endpoint of ['http://127.0.0.1:1', 'http://kms.keyhold.invalid']) {
    expect(await unwrap(adapter({ endpoint, credentials }))).toMatchObject({ code: 'ERR_KMS_UNREACHABLE' })
  }
})

test('our own credentials: a wrong secret, an unknown access key', async () => {
  for (const credentials of [
    { accessKeyId: keyholdAccount, secretAccessKey: 'wrong' },
    { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'test' },
  ]) {
    expect(await unwrap(adapter({ endpoint: local.url, credentials }))).toMatchObject({
      code: 'ERR_KMS_CREDENTIALS',
    })
  }
})

test('no error shows what AWS said, only what was asked and where', async () => {
  local.faults.add({ kind: 'error500' })
  const error = await unwrap()
  expect(error.message).toBe('The key management service failed.')
  expect(error.details).toEqual({ action: 'Decrypt', region })
  expect(error.cause).toBeInstanceOf(Error)
})

// The names of errors that no local KMS gives. The status says nothing: it is 400 for most of them, and lies here.
test.each([
  ['AccessDeniedException', 'ERR_KMS_DENIED'],
  ['DisabledException', 'ERR_KMS_KEY_DISABLED'],
  ['NotFoundException', 'ERR_KMS_KEY_NOT_FOUND'],
  ['InvalidKeyUsageException', 'ERR_KMS_KEY_WRONG_USAGE'],
  ['UnsupportedOperationException', 'ERR_KMS_KEY_WRONG_USAGE'],
  ['InvalidCiphertextException', 'ERR_KMS_INVALID_CIPHERTEXT'],
  ['IncorrectKeyException', 'ERR_KMS_INVALID_CIPHERTEXT'],
  ['ThrottlingException', 'ERR_KMS_THROTTLED'],
  ['LimitExceededException', 'ERR_KMS_THROTTLED'],
  ['KeyUnavailableException', 'ERR_KMS_FAILED'],
  ['KMSInternalException', 'ERR_KMS_FAILED'],
  ['DependencyTimeoutException', 'ERR_KMS_TIMEOUT'],
  ['TimeoutError', 'ERR_KMS_TIMEOUT'],
  ['AbortError', 'ERR_KMS_TIMEOUT'],
  ['CredentialsProviderError', 'ERR_KMS_CREDENTIALS'],
  ['ExpiredTokenException', 'ERR_KMS_CREDENTIALS'],
  ['UnrecognizedClientException', 'ERR_KMS_CREDENTIALS'],
  ['InvalidSignatureException', 'ERR_KMS_CREDENTIALS'],
  ['ValidationException', 'ERR_KMS_FAILED'],
  ['SomethingNewException', 'ERR_KMS_FAILED'],
  ['constructor', 'ERR_KMS_FAILED'],
  ['__proto__', 'ERR_KMS_FAILED'],
])('%s is %s, whatever the status', (name, code) => {
  for (const httpStatusCode of [200, 400, 403, 404, 500]) {
    const error = Object.assign(new Error('x'), { name, $metadata: { httpStatusCode } })
    expect(fromAwsError(error, 'Decrypt', region).code).toBe(code)
  }
})

test.each([
  [`${keyArn} is pending deletion.`, 'ERR_KMS_KEY_PENDING_DELETION'],
  [`${keyArn} is pending replica deletion.`, 'ERR_KMS_KEY_PENDING_DELETION'],
  [`${keyArn} is pending import.`, 'ERR_KMS_KEY_PENDING_IMPORT'],
  [`${keyArn} is unavailable.`, 'ERR_KMS_KEY_STORE_UNREACHABLE'],
  [`${keyArn} is creating.`, 'ERR_KMS_KEY_NOT_READY'],
  ['', 'ERR_KMS_KEY_NOT_READY'],
  // Words that only resemble those of an outage are a refusal.
  ['The key is disabled, and the external key store proxy did not respond', 'ERR_KMS_KEY_NOT_READY'],
])('an invalid state is told by its message: %s', (message, code) => {
  const error = Object.assign(new Error(message), { name: 'KMSInvalidStateException' })
  expect(fromAwsError(error, 'Decrypt', region).code).toBe(code)
})

test.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])(
  'the network’s %s is unreachable',
  (code) => {
    expect(fromAwsError(Object.assign(new Error('x'), { code }), 'Decrypt', region).code).toBe(
      'ERR_KMS_UNREACHABLE',
    )
  },
)

test('what is unknown is a failure, never a refusal, which would lock a tenant', () => {
  for (const thrown of ['text', undefined, { name: 'AccessDeniedException' }, new SyntaxError('<html>')]) {
    expect(fromAwsError(thrown, 'Decrypt', region).code).toBe('ERR_KMS_FAILED')
  }
  const ours = new KeyholdError('ERR_KEY_INTEGRITY')
  expect(fromAwsError(ours, 'Decrypt', region)).toBe(ours)
})

// One key that hangs is no region that cannot be reached: for that other keys would be asked elsewhere.
test('a request that the SDK gave up on is a time-out, unlike a connection that the network gave up on', async () => {
  const hangs = await createKey()
  const made = await aws.createTenantKey(hangs, ref)
  local.faults.add({ kind: 'hang', match: { keyId: hangs } })
  const asked = new KMSClient({
    ...{ region, endpoint: local.url, credentials: { accessKeyId: keyholdAccount, secretAccessKey: 'test' } },
    ...{ maxAttempts: 1, requestHandler: { requestTimeout: 50, throwOnRequestTimeout: true } },
  })
  const { ciphertextBlob } = parseByokWrap(made.wrapped.toString('latin1'))
  const command = new DecryptCommand({
    ...{ KeyId: hangs, CiphertextBlob: ciphertextBlob, EncryptionContext: { tenantId: ref.tenantId } },
  })
  const error: unknown = await asked.send(command).catch((reason: unknown) => reason)
  asked.destroy()
  expect(error).toMatchObject({ name: 'TimeoutError', code: 'ETIMEDOUT' })
  expect(fromAwsError(error, 'Decrypt', region).code).toBe('ERR_KMS_TIMEOUT')

  const network = Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT', syscall: 'connect' })
  expect(fromAwsError(network, 'Decrypt', region).code).toBe('ERR_KMS_UNREACHABLE')
})
