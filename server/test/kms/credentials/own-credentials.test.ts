// Keyhold's own credentials, from each provider of the SDK's chain that can be had without AWS. They expire while Keyhold runs;
// the next call reads the new ones and is answered. Credentials that stay expired cause no storm, and none of it is taken for a
// refusal of the customer's.
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { isKeyholdError } from '@keyhold/core'
import { hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { customerAccount, keyholdAccount } from '../../../../testkit/src/server/start-test-server.ts'
import { createCustomerRoles } from '../../../src/kms/credentials/customer-role.ts'
import { createOwnCredentials, type AwsIdentity } from '../../../src/kms/credentials/own-credentials.ts'
import { createRoleClients } from '../../../src/kms/credentials/role-clients.ts'
import type { KmsCall } from '../../../src/kms/kms-call.ts'
import { ref, region, startAws } from '../aws-under-test.ts'

const { local, adapter, createKey } = await startAws()
const anyoneMay = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '*' } }
const sts = new STSClient({
  region,
  endpoint: local.url,
  credentials: { accessKeyId: keyholdAccount, secretAccessKey: 'test' },
})
const folder = mkdtempSync(join(tmpdir(), 'own-credentials-'))
afterAll(() => {
  sts.destroy()
  rmSync(folder, { recursive: true })
})

type Session = Required<Omit<AwsIdentity, 'expiration'>>

let begun = 0
const roleOf = (count: number) => `arn:aws:iam::${keyholdAccount}:role/keyhold-${count}`

/** Begins a session, of a role of its own. */
async function begin(): Promise<Session> {
  begun += 1
  local.roles.put({
    arn: roleOf(begun),
    trust: { Statement: anyoneMay },
    policy: { Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' } },
  })
  const command = new AssumeRoleCommand({ RoleArn: roleOf(begun), RoleSessionName: 'keyhold' })
  const { Credentials: session } = await sts.send(command)
  return {
    accessKeyId: session?.AccessKeyId ?? '',
    secretAccessKey: session?.SecretAccessKey ?? '',
    sessionToken: session?.SessionToken ?? '',
  }
}

/** Ends the last session: AWS does not know its credentials any more. */
const end = () => local.roles.delete(roleOf(begun))

/** The credentials that the chain finds; they are changed behind Keyhold's back. */
let found: Session
let readings = 0
const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const iniOf = ({ accessKeyId, secretAccessKey, sessionToken }: Session) =>
  `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\naws_session_token = ${sessionToken}\n`
const jsonOf = ({ accessKeyId, secretAccessKey, sessionToken }: Session) =>
  JSON.stringify({
    ...{ Version: 1, Code: 'Success', Type: 'AWS-HMAC', AccessKeyId: accessKeyId },
    ...{ SecretAccessKey: secretAccessKey, Token: sessionToken, SessionToken: sessionToken },
    ...{ LastUpdated: new Date().toISOString(), Expiration: new Date(Date.now() + 3_600_000).toISOString() },
  })

const webIdentityXml = ({ accessKeyId, secretAccessKey, sessionToken }: Session) => `
  <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
  <Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>
  <SessionToken>${sessionToken}</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration>
  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

const endpoint = createServer((request, response) => {
  request.resume()
  if (request.url?.startsWith('/latest/api/token') === true) {
    response.setHeader('x-aws-ec2-metadata-token-ttl-seconds', '60')
    response.end('token')
  } else if (request.url?.endsWith('/security-credentials/') === true) response.end('keyhold')
  else if (request.url === '/' && request.method === 'POST') {
    response.setHeader('content-type', 'text/xml')
    response.end(webIdentityXml(found))
  } else if (request.url?.startsWith('/federation/') === true) {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ roleCredentials: { ...found, expiration: Date.now() + 3_600_000 } }))
  } else {
    readings += 1
    response.setHeader('content-type', 'application/json')
    response.end(jsonOf(found))
  }
})
await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
afterAll(() => endpoint.close())
const url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`

interface Provider {
  name: string
  environment: () => Record<string, string>
  /** Puts what is found where the provider looks. */
  write: () => void
}

const providers: Provider[] = [
  {
    name: 'the environment',
    environment: () => ({}),
    write: () => {
      setEnvironment({
        AWS_ACCESS_KEY_ID: found.accessKeyId,
        AWS_SECRET_ACCESS_KEY: found.secretAccessKey,
        AWS_SESSION_TOKEN: found.sessionToken,
      })
    },
  },
  {
    name: 'a shared file',
    environment: () => ({ AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials') }),
    write: () => {
      file('credentials', iniOf(found))
    },
  },
  {
    name: 'a process',
    environment: () => ({
      AWS_CONFIG_FILE: file(
        'config',
        `[default]\ncredential_process = cat ${join(folder, 'process.json')}\n`,
      ),
    }),
    write: () => {
      file('process.json', jsonOf(found))
    },
  },
  {
    name: 'a web identity',
    environment: () => ({
      ...{ AWS_ENDPOINT_URL_STS: url, AWS_REGION: region, AWS_ROLE_ARN: roleOf(0) },
      AWS_WEB_IDENTITY_TOKEN_FILE: file('token', 'a.b.c'),
    }),
    write: () => undefined,
  },
  {
    name: 'single sign-on',
    environment: () => {
      mkdirSync(join(folder, '.aws/sso/cache'), { recursive: true })
      const token = { accessToken: 'token', expiresAt: new Date(Date.now() + 3_600_000).toISOString() }
      file(`.aws/sso/cache/${hash('sha1', 'keyhold')}.json`, JSON.stringify(token))
      const profile = `[default]\nsso_session = keyhold\nsso_account_id = ${keyholdAccount}\nsso_role_name = keyhold\n`
      const session = `[sso-session keyhold]\nsso_region = ${region}\nsso_start_url = ${url}/start\n`
      return {
        ...{ HOME: folder, AWS_ENDPOINT_URL_SSO: url },
        AWS_CONFIG_FILE: file('config', profile + session),
      }
    },
    write: () => undefined,
  },
  {
    name: 'a container',
    environment: () => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/container` }),
    write: () => undefined,
  },
  {
    name: 'an instance',
    environment: () => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: url, AWS_EC2_METADATA_DISABLED: 'false' }),
    write: () => undefined,
  },
]

function setEnvironment(values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value)
}

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined)
  const none = join(folder, 'none')
  setEnvironment({
    AWS_SHARED_CREDENTIALS_FILE: none,
    AWS_CONFIG_FILE: none,
    AWS_EC2_METADATA_DISABLED: 'true',
  })
  readings = 0
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const keyArn = await createKey()
const start = (credentialFiles: string[] = []) =>
  adapter({ endpoint: local.url, credentials: undefined, credentialFiles })

test.each(providers)(
  '$name: credentials that AWS refuses are read again, and the call is answered',
  async (each) => {
    setEnvironment(each.environment())
    found = await begin()
    each.write()
    const aws = start()
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    end()
    found = await begin()
    each.write()
    await expect(aws.unwrapTenantKey(keyArn, wrapped, ref)).resolves.toBeDefined()
  },
)

test('credentials that stay unknown are read once for many calls, and seldom afterwards', async () => {
  setEnvironment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/container` })
  found = await begin()
  const aws = start()
  const { wrapped } = await aws.createTenantKey(keyArn, ref)
  end()
  readings = 0
  const codes = await Promise.all(
    Array.from({ length: 30 }, () => codeOf(aws.unwrapTenantKey(keyArn, wrapped, ref))),
  )
  expect(new Set(codes)).toEqual(new Set(['ERR_KMS_CREDENTIALS']))
  expect(readings).toBeLessThanOrEqual(2)
  for (let times = 0; times < 20; times++) await codeOf(aws.unwrapTenantKey(keyArn, wrapped, ref))
  expect(readings).toBeLessThanOrEqual(3)

  // New ones are found without a restart.
  found = await begin()
  await expect
    .poll(() => codeOf(aws.unwrapTenantKey(keyArn, wrapped, ref)), { timeout: 20_000, interval: 250 })
    .toBe('open')
})

test('credentials that live for minutes are read again in the last third of their life, not every second', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  let read = 0
  const own = createOwnCredentials({
    fixed: undefined,
    clock: () => Date.now(),
    readChain: () => {
      read += 1
      const expiration = new Date(Date.now() + 240_000)
      return Promise.resolve({ accessKeyId: `key ${read}`, secretAccessKey: 'secret', expiration })
    },
  })
  const use = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 2) {
      await own.provide()
      vi.setSystemTime(Date.now() + 2_000)
    }
  }
  await use(150)
  expect(read).toBe(1)
  await use(30)
  expect(read).toBe(2)
})

test('a file that changes is read again, before AWS has refused what was in it', async () => {
  const credentials = join(folder, 'credentials')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', credentials)
  found = await begin()
  file('credentials', iniOf(found))
  const aws = start([credentials])
  const { wrapped } = await aws.createTenantKey(keyArn, ref)
  local.resetCallCounts()
  found = await begin()
  file('credentials', iniOf(found))
  const callers = () =>
    local.callCounts({ operation: 'Decrypt' }).filter(({ caller }) => caller.includes(`keyhold-${begun}/`))
  await expect
    .poll(
      async () => {
        await aws.unwrapTenantKey(keyArn, wrapped, ref)
        return callers().length
      },
      { timeout: 20_000, interval: 250 },
    )
    .toBe(1)
})

test('whose the credentials are is asked again when a file holds others', async () => {
  const credentials = join(folder, 'credentials')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', credentials)
  found = await begin()
  file('credentials', iniOf(found))
  const aws = start([credentials])
  expect(await aws.ownPrincipal(region)).toBe(roleOf(begun))
  found = await begin()
  file('credentials', iniOf(found))
  await expect.poll(() => aws.ownPrincipal(region), { timeout: 20_000, interval: 250 }).toBe(roleOf(begun))
})

test('a session of a customer’s role that AWS refuses is begun anew, and the call is answered', async () => {
  const role = { arn: `arn:aws:iam::${customerAccount}:role/for-keyhold`, externalId: 'external' }
  const put = () => {
    local.roles.put({
      arn: role.arn,
      trust: { Statement: anyoneMay },
      policy: { Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' } },
    })
  }
  put()
  let nowMs = 0
  const own = createOwnCredentials({ fixed: { accessKeyId: keyholdAccount, secretAccessKey: 'test' } })
  const roles = createCustomerRoles({ stsEndpoint: local.url, own })
  let assumed = 0
  const assume: typeof roles.assume = async (...asked) => {
    assumed += 1
    const session = await roles.assume(...asked)
    return assumed === 1 ? { ...session, sessionToken: 'ended' } : session
  }
  const clients = createRoleClients(
    local.url,
    {
      assume,
      forget: (each) => {
        roles.forget(each)
      },
    },
    () => nowMs,
  )
  const regional = new KMSClient({ region, endpoint: local.url })
  const describe = () =>
    clients.use(role, region, regional, (client) => client.send(new DescribeKeyCommand({ KeyId: keyArn })))
  // A young session is not begun anew: AWS may refuse them all.
  await expect(describe()).rejects.toMatchObject({ name: 'UnrecognizedClientException' })
  nowMs = 11_000
  await expect(describe()).resolves.toMatchObject({ KeyMetadata: { Arn: keyArn } })
  expect(assumed).toBe(2)
  regional.destroy()
  roles.close()
})

test('what the chain itself is refused is a fault of Keyhold’s credentials, never of the key', async () => {
  const aws = start()
  expect(await codeOf(aws.createTenantKey(keyArn, ref))).toBe('ERR_KMS_CREDENTIALS')
  const refusing = createOwnCredentials({
    fixed: undefined,
    readChain: () => Promise.reject(Object.assign(new Error('not you'), { name: 'AccessDenied' })),
  })
  expect(await codeOf(refusing.provide())).toBe('ERR_KMS_CREDENTIALS')
})

test('a call that was sent twice is counted as two requests', async () => {
  setEnvironment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/container` })
  found = await begin()
  const calls: KmsCall[] = []
  const aws = adapter({ endpoint: local.url, credentials: undefined, onCall: (call) => calls.push(call) })
  const { wrapped } = await aws.createTenantKey(keyArn, ref)
  end()
  found = await begin()
  await aws.unwrapTenantKey(keyArn, wrapped, ref)
  expect(calls.map(({ outcome, requests }) => [outcome, requests])).toEqual([
    ['ok', 1],
    ['ok', 2],
  ])
})

function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'open',
    (error: unknown) => (isKeyholdError(error) ? error.code : String(error)),
  )
}
