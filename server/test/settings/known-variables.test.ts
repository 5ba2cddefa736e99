// Names that begin with KEYHOLD_: of settings, of other programs, of Kubernetes, and of nobody.
import { isKeyholdError } from '@keyhold/core'
import { expect, test } from 'vitest'
import { readSettings } from '../../src/settings/read-settings.ts'

function refusalOf(environment: Record<string, string>): string | undefined {
  try {
    readSettings(environment)
  } catch (error) {
    if (isKeyholdError(error, 'ERR_CONFIG_INVALID')) return error.message
    throw error
  }
  return undefined
}

test.each([
  ['KEYHOLD_DATABSE_URL', 'did you mean KEYHOLD_DATABASE_URL?'],
  ['KEYHOLD_DATABASE-URL', 'did you mean KEYHOLD_DATABASE_URL?'],
  ['KEYHOLD_DB_URL', 'There is no setting KEYHOLD_DB_URL'],
  ['KEYHOLD_KEY_CACHE_TTL', 'There is no setting KEYHOLD_KEY_CACHE_TTL'],
  ['KEYHOLD_PORTS', 'did you mean KEYHOLD_PORT?'],
  ['KEYHOLD_', 'There is no setting KEYHOLD_.'],
])('%s is refused: %s', (name, words) => {
  const refusal = refusalOf({ [name]: 'secret-value' })
  expect(refusal).toContain(words)
  expect(refusal).not.toContain('secret-value')
})

test('all unknown names are named at once', () => {
  const refusal = refusalOf({ KEYHOLD_PROT: '1', KEYHOLD_HOTS: '2' })
  expect(refusal).toMatch(
    /KEYHOLD_HOTS: did you mean KEYHOLD_HOST\? .*KEYHOLD_PROT: did you mean KEYHOLD_PORT\?/,
  )
})

test('a name of nothing near suggests nothing', () => {
  expect(refusalOf({ KEYHOLD_ZZZZZZZZ: '1' })).toBe(
    'There is no setting KEYHOLD_ZZZZZZZZ. Correct or remove it; docs/configuration.md lists all settings.',
  )
})

test.each([
  'KEYHOLD_URL',
  'KEYHOLD_TOKEN',
  'KEYHOLD_SERVICE_TOKEN',
  'KEYHOLD_OPERATOR_TOKEN',
  'KEYHOLD_TENANT_ID',
  'KEYHOLD_TEST_ANYTHING',
  'PATH',
  'keyhold_port',
])('%s belongs to somebody else, and is left alone', (name) => {
  expect(readSettings({ [name]: 'x' })).toEqual(readSettings({}))
})

test('an empty variable is not set', () => {
  expect(refusalOf({ KEYHOLD_DATABSE_URL: '' })).toBeUndefined()
})

test('the links of Kubernetes for services named keyhold and keyhold-metrics are ignored, and named', () => {
  const links = {
    KEYHOLD_METRICS_PORT: 'tcp://10.0.0.8:9464',
    KEYHOLD_METRICS_PORT_9464_TCP: 'tcp://10.0.0.8:9464',
    KEYHOLD_METRICS_PORT_9464_TCP_ADDR: '10.0.0.8',
    KEYHOLD_METRICS_PORT_9464_TCP_PORT: '9464',
    KEYHOLD_METRICS_PORT_9464_TCP_PROTO: 'tcp',
    KEYHOLD_METRICS_SERVICE_HOST: '10.0.0.8',
    KEYHOLD_METRICS_SERVICE_PORT: '9464',
    KEYHOLD_PORT: 'tcp://10.0.0.7:8180',
    KEYHOLD_PORT_8180_TCP: 'tcp://10.0.0.7:8180',
    KEYHOLD_SERVICE_HOST: '10.0.0.7',
    KEYHOLD_SERVICE_PORT: '8180',
    KEYHOLD_SERVICE_PORT_HTTP: '8180',
  }
  expect(readSettings(links)).toEqual({ ...readSettings({}), ignoredVariables: Object.keys(links).sort() })
})

test('a port that is none is no link', () => {
  expect(refusalOf({ KEYHOLD_PORT: 'http://10.0.0.7:8180' })).toContain('KEYHOLD_PORT expects')
})
