// Draws values that a schema of the contract takes: the keywords that its schemas have, and no others.
import fc from 'fast-check'
import { canary } from './canaries.ts'

export interface Schema {
  type?: string
  properties?: Readonly<Record<string, Schema>>
  required?: readonly string[]
  items?: Schema
  anyOf?: readonly Schema[]
  const?: unknown
  pattern?: string
  patternProperties?: Readonly<Record<string, Schema>>
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  minimum?: number
  maximum?: number
}

const mostItems = 4
const mostCharacters = 24
const largest = 1_000_000

const secrets = fc.nat(9_999).map(canary)
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** A place of the scene, which is filled in before the request is sent. */
const place = (name: string) => fc.constantFrom(...[0, 1, 2].map((number) => `$${name}:${number}`))
const places = (...names: readonly string[]) => fc.oneof(...names.map(place))
const keyNames = fc.constantFrom('pay', 'pay-1', 'default', 'other', 'K.-_')

/** The values of members with these names, in place of any text that their schema would take. */
const byName: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  plaintext: fc.oneof(secrets.map(base64), fc.constant(''), fc.string().map(base64)),
  token: fc.oneof(
    { weight: 6, arbitrary: places('token', 'foreignToken') },
    { weight: 1, arbitrary: secrets },
  ),
  context: fc.dictionary(
    fc.oneof(fc.constantFrom('table', 'column'), secrets),
    fc.oneof(fc.constantFrom('users', 'a'), secrets),
    { maxKeys: 3 },
  ),
  keyName: keyNames,
  arn: fc.oneof(
    { weight: 5, arbitrary: places('arn', 'foreignArn', 'unknownArn') },
    { weight: 1, arbitrary: fc.string({ minLength: 1 }) },
  ),
  roleArn: fc.constantFrom('arn:aws:iam::222222222222:role/keyhold', 'arn:aws:iam::1:role/x'),
  header: fc.oneof(place('leaseHeader'), secrets.map(base64)),
  tenantId: places('tenant', 'foreignTenant', 'deletedTenant'),
  failures: fc.array(
    fc.record({
      dataKeyId: fc.oneof(
        { weight: 6, arbitrary: place('failedDataKey') },
        { weight: 1, arbitrary: fc.uuid() },
      ),
      version: fc.constantFrom(1, 1, 1, 1, 1, 2),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  minimumVersion: fc.constantFrom(1, 1, 2, 3),
  inDays: fc.constantFrom(7, 30, 1),
  scopes: fc.array(
    fc.constantFrom(
      'encrypt',
      'encrypt:pay*',
      'decrypt:pay',
      'lock',
      'manage-api-keys',
      'read-audits',
      'lease',
    ),
    { maxLength: 4 },
  ),
  addresses: fc.array(
    fc.constantFrom('127.0.0.0/8', '192.0.2.0/24', '::/0', '2001:db8::1', 'x', '::ffff:1.2.3.4'),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  regions: fc.constantFrom('eu-west-1', 'eu-west-1,eu-west-3', 'nowhere', ','),
  region: fc.constantFrom('eu-west-1', 'eu-west-3', 'nowhere'),
  account: fc.constantFrom('222222222222', '000000000000'),
}

/** Values that the schema takes, mostly. */
export function valuesOf(schema: Schema, name = ''): fc.Arbitrary<unknown> {
  const named = byName[name]
  if (named !== undefined) return named
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => valuesOf(each, name)))
  switch (schema.type) {
    case 'object':
      return objectsOf(schema)
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? mostItems, mostItems),
      })
    case 'string':
      return textsOf(schema)
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? -largest, max: schema.maximum ?? largest })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

function objectsOf({
  properties = {},
  required = [],
  patternProperties = {},
}: Schema): fc.Arbitrary<unknown> {
  const others = Object.values(patternProperties)[0]
  if (others !== undefined)
    return fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), valuesOf(others), { maxKeys: 3 })
  const members = Object.entries(properties).map(([name, schema]) => [name, valuesOf(schema, name)] as const)
  const needed = members.filter(([name]) => required.includes(name))
  // With half of what is optional, some of which goes with nothing else, few values are taken.
  return fc.oneof(
    fc.record(Object.fromEntries(members), { requiredKeys: [...required] }),
    fc.record(Object.fromEntries(needed)),
  )
}

function textsOf({ pattern, minLength = 0, maxLength = mostCharacters }: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { size: 'small' })
  return fc.string({
    minLength,
    maxLength: Math.max(minLength, Math.min(maxLength, mostCharacters)),
    unit: 'grapheme',
  })
}
