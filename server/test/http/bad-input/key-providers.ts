// Bodies of the original's routes: ARNs above all, as they decide which host is called.
import { rawRequest } from '../raw-request.ts'
import { providers } from '../scene.ts'
import { canary, type BadInput, type Scene } from './scene.ts'

const keyId = '12345678-1234-1234-1234-123456789012'
const arn = `arn:aws:kms:eu-west-1:222222222222:key/${keyId}`

function create(body: unknown) {
  return ({ server, tenant }: Scene) =>
    rawRequest(server.url, 'POST', providers, { token: tenant.adminToken, body })
}

/** None of them reaches a network. */
export const arnRows: BadInput[] = [
  keyId,
  `key/${keyId}`,
  'alias/mine',
  canary,
  `${arn} `,
  ` ${arn}`,
  `arn:aws:kms:eu-west-1:222222222222:key/${canary}`,
  `arn:aws:kms:eu-west-1:222222222222:key/../${keyId}`,
  'arn:aws:kms:eu-west-1:222222222222:key/',
  'arn:aws:kms:eu-west-1:222222222222:alias/',
  'arn:aws:kms:eu-west-1:222222222222:alias/aws/s3',
  'arn:aws:kms:eu-west-1:222222222222:alias/../x',
  `arn:aws:kms:eu-west-1:22222222222:key/${keyId}`,
  `arn:aws:kms:eu-west-1:2222222222222:key/${keyId}`,
  `arn:aws:kms:eu-west-1::key/${keyId}`,
  `arn:aws:kms:us-east-1.evil.com:222222222222:key/${keyId}`,
  `arn:aws:kms:x@evil.com:443/#:222222222222:key/${keyId}`,
  `arn:aws:kms:us-east-\u0661:222222222222:key/${keyId}`,
  `arn:aws:kms:169.254.169.254:222222222222:key/${keyId}`,
  `arn:aws:kms:127.0.0.1:222222222222:key/${keyId}`,
  `arn:aws:kms:localhost:222222222222:key/${keyId}`,
  `arn:aws:kms::222222222222:key/${keyId}`,
  `arn:aws:kms:EU-WEST-1:222222222222:key/${keyId}`,
  `arn:aws-cn:kms:eu-west-1:222222222222:key/${keyId}`,
  `arn:aws:kms:us-gov-west-1:222222222222:key/${keyId}`,
  `arn:aws-mars:kms:mars-east-1:222222222222:key/${keyId}`,
  `arn:aws:s3:eu-west-1:222222222222:key/${keyId}`,
  'arn:aws:s3:::bucket',
  arn.toUpperCase(),
  `${arn}/../x`,
  `${arn}?x=1`,
  `${arn}%00`,
  arn.replaceAll(':', '\uff1a'),
  arn + arn,
  arn + canary.repeat(230),
].map((text) => ({
  what: text.slice(0, 80),
  status: 417,
  code: 'ERR_ARN_INVALID',
  send: create({ name: canary, arn: text }),
}))

const malformed = { status: 400, code: 'ERR_INVALID_REQUEST' } as const
const wrongTexts: unknown[] = [null, 1, true, [canary], { [canary]: canary }]

export const keyProviderRows: BadInput[] = [
  { what: 'an empty ARN', ...malformed, send: create({ name: canary, arn: '' }) },
  { what: 'an ARN with a line break', ...malformed, send: create({ name: canary, arn: `${arn}\n` }) },
  { what: 'no ARN', ...malformed, send: create({ name: canary }) },
  { what: 'no name', ...malformed, send: create({ arn }) },
  { what: 'an empty name', ...malformed, send: create({ name: '', arn }) },
  { what: 'a name of 257 characters', ...malformed, send: create({ name: canary.repeat(20), arn }) },
  { what: 'an escaped NUL', ...malformed, send: create({ name: `${canary}\0`, arn }) },
  {
    what: 'a description of 1,025',
    ...malformed,
    send: create({ name: 'x', arn, description: 'd'.repeat(1_025) }),
  },
  { what: 'another kind', ...malformed, send: create({ name: 'x', arn, keyprovider: canary }) },
  ...['name', 'arn', 'description', 'keyprovider'].flatMap((member) =>
    wrongTexts.map((value) => ({
      what: `${member}: ${JSON.stringify(value)}`,
      ...malformed,
      send: create({ name: 'x', arn, [member]: value }),
    })),
  ),
  ...[
    canary,
    {},
    [],
    [canary],
    [{}],
    [{ op: 'add', path: '/name', value: canary }],
    [{ op: 'remove', path: '/name' }],
    [{ op: 'replace', path: `/${canary}`, value: 'x' }],
    [{ op: 'replace', path: '/current', value: canary }],
    [{ op: 'replace', path: '/name', value: '' }],
    [{ op: 'replace', path: '/name', value: { [canary]: 1 } }],
    [{ op: 'replace', path: '/name', value: `${canary}\0` }],
    [{ op: 'replace', path: '/__proto__/x', value: canary }],
    Array.from({ length: 17 }, () => ({ op: 'replace', path: '/name', value: canary })),
  ].map((body) => ({
    what: `a patch ${JSON.stringify(body).slice(0, 60)}`,
    ...malformed,
    send: ({ server, tenant, fingerprint }: Scene) =>
      rawRequest(server.url, 'PATCH', `${providers}/${fingerprint}`, { token: tenant.adminToken, body }),
  })),
]
