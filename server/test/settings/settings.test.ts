// Every row of the table: the value without its variable, the values that it may have, and what is said about any other.
import { expect, test } from 'vitest'
import { forms } from '../../src/settings/forms.ts'
import { failpointForm } from '../../src/settings/failpoint-form.ts'
import { readSettings, type Settings } from '../../src/settings/read-settings.ts'
import { settingTable } from '../../src/settings/setting-table.ts'
import type { Form } from '../../src/settings/setting.ts'

type Name = keyof Settings

const rows = Object.entries(settingTable).map(([name, row]) => ({ name: name as Name, ...row }))
const integers = rows.filter((row) => 'min' in row)
const formed = rows.filter((row) => 'form' in row)
const variables: string[] = rows.map(({ variable }) => variable)

/** A value of one setting changes no other, but for the TTL, which limits the default of the shortest TTL. */
function withValue(name: Name, value: unknown): unknown {
  return {
    ...readSettings({}),
    ...(name === 'keyCacheTtlSeconds' && { keyCacheMinTtlSeconds: Math.min(5, Number(value)) }),
    [name]: value,
  }
}

function expectRefusal(environment: Record<string, string>, ...parts: string[]): void {
  let error: unknown
  try {
    readSettings(environment)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  for (const part of parts) expect(String(error)).toContain(part)
  // A value may be a secret.
  for (const value of Object.values(environment)) {
    if (value.length > 2) expect(String(error)).not.toContain(value)
  }
}

test('each setting has a variable of its own', () => {
  expect(new Set(variables).size).toBe(rows.length)
  // Every program reads its proxy from these two.
  const others = new Set(['HTTPS_PROXY', 'NO_PROXY'])
  for (const variable of variables) {
    if (!others.has(variable)) expect(variable).toMatch(/^KEYHOLD_[A-Z0-9_]*[A-Z0-9]$/)
  }
})

test('the defaults on which revocation, loss, reachability and fairness depend', () => {
  expect(readSettings({})).toMatchObject({
    host: '127.0.0.1',
    metricsHost: '127.0.0.1',
    metricsPort: undefined,
    databaseUrl: undefined,
    kmsEndpoint: 'aws',
    keyCacheTtlSeconds: 60,
    keyCacheMinTtlSeconds: 5,
    backupRetentionDays: 0,
    requestTimeoutSeconds: 30,
    tier1RequestsPerMinute: 1_000,
    tier2RequestsPerMinute: 100,
    managementRequestsPerMinute: 1_000,
    tenantManagementRequestsPerMinute: 3_000,
    dataRequestsPerSecond: 1_000,
    tenantDataRequestsPerSecond: 2_000,
    unknownKeysPerMinute: 100,
    trustedProxies: undefined,
    kmsMicroUsdPer10000: 30_000,
    armFailpoints: undefined,
  } satisfies Partial<Settings>)
})

test.each(rows)('$variable: the documented default is the real one', ({ name, variable, byDefault }) => {
  const [, documented] = /^`([^`]+)`/.exec(byDefault) ?? []
  if (documented === undefined) {
    expect(byDefault).toMatch(/^none/)
    expect(readSettings({})[name] ?? new Map()).toEqual(new Map())
  } else {
    expect(readSettings({ [variable]: documented })).toEqual(readSettings({}))
  }
})

test('empty variables are the same as none, so that no address or directory becomes empty', () => {
  expect(readSettings(Object.fromEntries(variables.map((variable) => [variable, ''])))).toEqual(
    readSettings({}),
  )
})

test.each(rows)('$variable: a byte order mark before it and line ends behind it are none of it', (row) => {
  const [, documented] = /^`([^`]+)`/.exec(row.byDefault) ?? []
  if (documented === undefined) {
    expect(readSettings({ [row.variable]: '\r\n' })).toEqual(readSettings({}))
  } else {
    expect(readSettings({ [row.variable]: `\uFEFF${documented}\r\n` })).toEqual(readSettings({}))
  }
})

test.each(integers)('$variable: a whole number in its range, and nothing else', (row) => {
  const { name, variable, min } = row
  const max = typeof row.max === 'number' ? row.max : row.max.read({})
  for (const value of [min, max]) {
    expect(readSettings({ [variable]: String(value) })).toEqual(withValue(name, value))
  }
  const texts = ['many', '-1', '1.5', '1e1', '0x5', '5 ', ' 5', '+5', '５', 'Infinity', '9'.repeat(20)]
  for (const value of [String(min - 1), String(max + 1), ...texts]) {
    expectRefusal({ [variable]: value }, `${variable} expects a whole number from ${min} to ${max}.`)
  }
})

interface Examples {
  good: [text: string, value: unknown][]
  bad: string[]
}

const examples = new Map<Form<unknown>, Examples>([
  [
    forms.flag,
    {
      good: [
        ['true', true],
        ['false', false],
      ],
      bad: ['1', 'yes', 'TRUE', 'true '],
    },
  ],
  [
    forms.replicas,
    {
      good: [
        ['1', 1],
        ['2', 2],
        ['64', 64],
        ['auto', 'auto'],
      ],
      bad: ['0', '65', '02', '1.5', '-1', 'AUTO', 'all'],
    },
  ],
  [
    forms.publicUrl,
    {
      good: [
        ['https://keyhold.example.com', 'https://keyhold.example.com'],
        ['https://keyhold.example.com:8443', 'https://keyhold.example.com:8443'],
        ['http://127.0.0.1:8180', 'http://127.0.0.1:8180'],
        ['http://[::1]:8180', 'http://[::1]:8180'],
      ],
      bad: [
        ...[
          'http://keyhold.example.com',
          'https://keyhold.example.com/',
          'https://keyhold.example.com/console',
        ],
        ...[
          'https://user@keyhold.example.com',
          'https://Keyhold.internal.example',
          'keyhold.internal.example',
          'ftp://a',
        ],
      ],
    },
  ],
  [
    forms.host,
    {
      good: [
        ['0.0.0.0', '0.0.0.0'],
        ['keyhold.internal', 'keyhold.internal'],
        ['::', '::'],
        ['[::1]', '::1'],
        ['fe80::1%eth0', 'fe80::1%eth0'],
        ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
      ],
      bad: ['http://127.0.0.1', 'localhost:8080', '[::1]:8080', '[localhost]', 'a b', '10.0.0.0/8'],
    },
  ],
  [
    forms.databaseUrl,
    {
      good: [
        ['postgres://u:p@h/d', 'postgres://u:p@h/d'],
        ['postgresql://h/d', 'postgresql://h/d'],
      ],
      bad: ['mysql://u:s3cret@h/d', 'h/d', 'POSTGRES', '/run/postgresql'],
    },
  ],
  [
    forms.endpoint,
    {
      good: [
        ['aws', 'aws'],
        ['http://127.0.0.1:4566', 'http://127.0.0.1:4566'],
        ['https://kms.example.com', 'https://kms.example.com'],
      ],
      bad: ['AWS', 'sts', '127.0.0.1:4566', 'ftp://h', 'http://', 'file:///etc/passwd'],
    },
  ],
  [
    forms.proxy,
    {
      good: [
        ['http://proxy.internal:3128', 'http://proxy.internal:3128'],
        ['https://user:p%40ss@proxy.internal', 'https://user:p%40ss@proxy.internal'],
        ['10.0.0.1:8080', '10.0.0.1:8080'],
      ],
      bad: ['socks5://proxy.internal', 'http://proxy.internal/pac', 'http://pro xy', 'ftp://user:secret@h'],
    },
  ],
  [
    forms.drRegions,
    {
      good: [
        ['eu-west-1:eu-west-3', new Map([['eu-west-1', ['eu-west-3']]])],
        [
          'us-east-1:us-west-2, eu-west-1:eu-west-3,eu-west-1:eu-central-1',
          new Map([
            ['us-east-1', ['us-west-2']],
            ['eu-west-1', ['eu-west-3', 'eu-central-1']],
          ]),
        ],
      ],
      bad: [
        'eu-west-1',
        'eu-west-1:',
        'eu-west-1:eu-moon-1',
        'eu-west-1:eu-west-1',
        'eu-west-1:eu-west-3:eu-west-2',
        'eu-west-1:eu-west-3,',
        'eu-west-1:eu-west-3,eu-west-1:eu-west-3',
        'eu-west-1.evil.com:eu-west-3',
      ],
    },
  ],
  [
    forms.dollars,
    {
      good: [
        ['0', 0],
        ['12.000001', 12_000_001],
      ],
      bad: ['-1', '.25', '0.0000001', '0,03', '$0.03', '1e3'],
    },
  ],
  [
    forms.issuerUrl,
    {
      good: [
        ['https://id.example.com', 'https://id.example.com'],
        ['https://example.com/keyhold/eu-1', 'https://example.com/keyhold/eu-1'],
      ],
      bad: [
        'http://id.example.com',
        'https://id.example.com/',
        'https://id.example.com:8443',
        'https://id.example.com:443',
        'https://id.example.com/a/',
        'https://id.example.com/a//b',
        'https://id.example.com/a/../b',
        'https://id.example.com/a%20b',
        'https://id.example.com/:a',
        'https://id.example.com/*',
        'https://id.example.com?',
        'https://id.example.com/a?b=c',
        'https://id.example.com/a#',
        'https://user@id.example.com',
        'https://ID.example.com',
        'https://localhost',
        'https://192.0.2.1',
        'https://[2001:db8::1]',
        `https://id.example.com/${'a'.repeat(250)}`,
      ],
    },
  ],
  [
    forms.principals,
    {
      good: [
        [
          'arn:aws:iam::111111111111:role/service/keyhold, arn:aws:iam::111111111111:root',
          ['arn:aws:iam::111111111111:role/service/keyhold', 'arn:aws:iam::111111111111:root'],
        ],
      ],
      bad: [
        '*',
        '111111111111',
        'arn:aws:sts::111111111111:assumed-role/x/y',
        'arn:aws:iam::111111111111:role/x,',
        'arn:aws:iam::11111111111:root',
        'arn:aws:iam::111111111111:role/*',
      ],
    },
  ],
  [
    forms.privateHosts,
    {
      good: [
        [
          'idp.internal=10.2.0.0/16',
          [
            {
              name: 'idp.internal',
              port: undefined,
              network: { address: '10.2.0.0', family: 'ipv4', prefixBits: 16 },
            },
          ],
        ],
        [
          'IDP.internal:8443=fd00::/8',
          [
            {
              name: 'idp.internal',
              port: 8443,
              network: { address: 'fd00::', family: 'ipv6', prefixBits: 8 },
            },
          ],
        ],
      ],
      bad: ['idp.example', 'idp.example=10.2.0.0', 'idp.example=0.0.0.0/0', 'idp.example:0=10.2.0.0/16'],
    },
  ],
  [
    forms.networks,
    {
      good: [
        ['10.0.0.0/8', [{ address: '10.0.0.0', family: 'ipv4', prefixBits: 8 }]],
        [
          '192.0.2.7, fd00::/8,::ffff:10.0.0.0/104',
          [
            { address: '192.0.2.7', family: 'ipv4', prefixBits: 32 },
            { address: 'fd00::', family: 'ipv6', prefixBits: 8 },
            { address: '::ffff:10.0.0.0', family: 'ipv6', prefixBits: 104 },
          ],
        ],
      ],
      bad: [
        'proxy.example.com',
        '172.16.0.0/12,',
        '10.0.0.0/33',
        '172.16.0.0/',
        '10.0.0.0/-1',
        '10.0.0/8',
        '010.0.0.0/8',
        'fd00::/129',
        'fd00::1%eth0',
        '[fd00::]/8',
        '0.0.0.0/0',
        '::/0',
        '*',
      ],
    },
  ],
  [
    forms.tlsVersion,
    {
      good: [
        ['1.2', 'TLSv1.2'],
        ['1.3', 'TLSv1.3'],
      ],
      bad: ['1', '1.1', 'TLSv1.2', '1.4', 'constructor'],
    },
  ],
  [
    failpointForm,
    {
      good: [['migration.verify.before=kill@3', expect.any(Function)]],
      bad: [
        'nowhere=kill',
        'migration.verify.before=explode',
        'migration.verify.before=kill:5',
        'migration.verify.before',
      ],
    },
  ],
  [
    settingTable.logLevel.form,
    {
      good: [
        ['silent', 'silent'],
        ['trace', 'trace'],
      ],
      bad: ['verbose', 'INFO', 'constructor'],
    },
  ],
])

// They need others beside them.
const paired: readonly Name[] = [
  ...(['kmsAccessKeyId', 'kmsSecretAccessKey', 'tlsCertificateFile', 'tlsKeyFile'] as const),
  ...(['tlsClientCaFile', 'tlsClientCrlFile', 'tlsClientCertificates'] as const),
]
const texts: readonly Name[] = [
  'dataDir',
  'docsDir',
  'consoleDir',
  'issuersFile',
  'stateDir',
  'rootKeyFile',
  'internalKmsName',
  'noProxy',
  ...paired,
]

test('each setting that is more than a number or any text has examples', () => {
  const without = formed.filter(({ form }) => !examples.has(form)).map(({ name }) => name)
  expect(without.toSorted()).toEqual([...texts].toSorted())
})

test.each(formed.filter(({ form }) => examples.has(form)))(
  '$variable: a value in its form, and nothing else',
  ({ name, variable, form }) => {
    const { good = [], bad = [] } = examples.get(form) ?? {}
    for (const [text, value] of good) {
      expect(readSettings({ [variable]: text })).toEqual(withValue(name, value))
    }
    for (const text of bad) expectRefusal({ [variable]: text }, `${variable} expects ${form.expects}.`)
  },
)

test.each(formed.filter(({ name }) => texts.includes(name) && !paired.includes(name)))(
  '$variable: any text',
  ({ name, variable }) => {
    expect(readSettings({ [variable]: '/var/lib/Our text' })).toEqual(withValue(name, '/var/lib/Our text'))
  },
)

test('the proxy may be named in lower case, which counts first', () => {
  const environment = {
    HTTPS_PROXY: 'http://upper',
    https_proxy: 'http://lower',
    no_proxy: 'lower',
    NO_PROXY: '*',
  }
  expect(readSettings(environment)).toMatchObject({ httpsProxy: 'http://lower', noProxy: 'lower' })
  expect(readSettings({ HTTPS_PROXY: 'http://upper', https_proxy: '' }).httpsProxy).toBe('http://upper')
  expectRefusal({ https_proxy: 'socks5://user:secret@proxy' }, 'HTTPS_PROXY expects the URL of a proxy')
})

test('the TTL limits the shortest TTL and its default', () => {
  expect(readSettings({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '3' }).keyCacheMinTtlSeconds).toBe(3)
  const environment = { KEYHOLD_KEY_CACHE_TTL_SECONDS: '90', KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS: '90' }
  expect(readSettings(environment).keyCacheMinTtlSeconds).toBe(90)
  expectRefusal(
    { ...environment, KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS: '91' },
    'KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS expects a whole number from 0 to 90.',
  )
})

test('credentials for the KMS are accepted as a pair', () => {
  const environment = {
    KEYHOLD_KMS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    KEYHOLD_KMS_SECRET_ACCESS_KEY: 'secret-example',
  }
  expect(readSettings(environment)).toEqual({
    ...readSettings({}),
    kmsAccessKeyId: 'AKIAEXAMPLE',
    kmsSecretAccessKey: 'secret-example',
  })
  for (const [variable, value] of Object.entries(environment)) {
    expectRefusal({ [variable]: value }, ...Object.keys(environment))
  }
})

test('credentials of the environment’s AWS tools, such as a customer’s, are not read', () => {
  const environment = {
    AWS_ACCESS_KEY_ID: 'customer',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:1',
  }
  expect(readSettings(environment)).toEqual(readSettings({}))
})

test('variables that are not in the table are left to the command line and to npm start', () => {
  expect(readSettings({ KEYHOLD_URL: 'http://127.0.0.1:8180', KEYHOLD_TOKEN: 't' })).toEqual(readSettings({}))
})

test('failpoints act at their hit', async () => {
  const said: string[] = []
  const failpoint = readSettings({ KEYHOLD_FAILPOINTS: 'migration.verify.before=throw@2' }).armFailpoints?.({
    cut: () => undefined,
    announce: ({ name }) => said.push(name),
  })
  await failpoint?.('migration.verify.before')
  await expect((async () => failpoint?.('migration.verify.before'))()).rejects.toThrow(
    'migration.verify.before',
  )
  expect(said).toEqual(['migration.verify.before'])
})
