// Requests of one tenant, and of operators: however many others there are, they take as long.
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { ask } from '../requests/ask.ts'
import { shortestMs, type MeasureParts } from './measure-parts.ts'
import type { MeasuredRow } from './rows.ts'

const runs = 7
const pagesBefore = 5
const timeoutMs = 60_000

export async function measureRequests(parts: MeasureParts): Promise<MeasuredRow[]> {
  const { scene, metricsPort, problems } = parts
  const { keyhold, big, samples } = scene
  const { url } = keyhold
  const [tenant] = samples.filter(({ hasOwnKey }) => hasOwnKey)
  if (tenant === undefined) throw new TypeError('no tenant with a key of its own was seeded')
  const admin = openClient(url, tenant.adminToken)
  const bigAdmin = openClient(url, big.adminToken)
  const operator = openClient(url, keyhold.operatorToken)
  const { body: providers } = await admin.call('listKeyProviders')
  const own = providers.find(({ arn }) => arn.startsWith('arn:'))
  if (own === undefined) throw new TypeError('the tenant has no key of its own')
  let tenants = await operator.call('listTenants', { query: { limit: '100' } })
  for (let page = 0; page < pagesBefore && tenants.body.next !== undefined; page++)
    tenants = await operator.call('listTenants', { query: { limit: '100', after: tenants.body.next } })
  const { next } = tenants.body
  let names = 0
  const post = async (path: string, token: string, body: object) => {
    const { answer, status } = await ask({ url, token, path, body, timeoutMs })
    if (status === undefined || status >= 300) problems.push(`${path} was answered with ${answer}`)
  }
  const requests: Record<string, () => Promise<unknown>> = {
    'metrics scrape': async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    'usage of a key of a small tenant': () =>
      admin.call('getKeyProviderUsage', { params: { arnFingerPrint: own.arnFingerPrint } }),
    'health of a key': () =>
      admin.call('getKeyProviderHealth', { params: { arnFingerPrint: own.arnFingerPrint } }),
    'a page of all tenants': () =>
      operator.call('listTenants', { query: { limit: '100', ...(next !== undefined && { after: next }) } }),
    'a page of the data keys of the big tenant': () =>
      bigAdmin.call('listDataKeys', { query: { limit: '100' } }),
    'the API keys of a tenant': () => admin.call('listApiKeys', {}),
    'an API key is made and revoked': async () => {
      const { body } = await operator.call('createApiKey', {
        body: { role: 'service', tenantId: tenant.tenantId },
      })
      await operator.call('deleteApiKey', { params: { apiKeyId: body.id } })
    },
    'a new data key of the big tenant': () =>
      post('/api/v1/encryption/encrypt', big.serviceToken, {
        items: [{ plaintext: 'dmFsdWU=', keyName: `new-${names++}` }],
      }),
    'a new blind index of the big tenant': () =>
      post('/api/v1/encryption/data-keys/blind-index', big.serviceToken, { keyName: `index-${names++}` }),
    'a tenant is made': () => operator.call('createTenant', { body: { name: 'one more' } }),
  }
  const rows: MeasuredRow[] = []
  for (const [name, request] of Object.entries(requests))
    rows.push({ name, worksOn: 'nothing', unit: 'ms', value: await shortestMs(runs, request) })
  return rows
}
