// What the benchmarks ask of a Keyhold over HTTP besides what they measure.

/** Calls one route and answers the parsed body; any status from 400 on is an error. */
export async function callApi(
  url: string,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

export interface Tenant {
  tenantId: string
  adminToken: string
  serviceToken: string
}

export async function createTenant(url: string, operatorToken: string): Promise<Tenant> {
  const tenant = await callApi(url, operatorToken, 'POST', '/api/v1/tenants', { name: 'benchmark' })
  const { id: tenantId } = tenant as { id: string }
  const createApiKey = async (role: string) => {
    const body = await callApi(url, operatorToken, 'POST', '/api/v1/api-keys', { role, tenantId })
    return (body as { key: string }).key
  }
  return {
    tenantId,
    adminToken: await createApiKey('tenant-admin'),
    serviceToken: await createApiKey('service'),
  }
}

const providers = '/api/v1/encryption/keyproviders'

/** Registers a customer's key, and migrates the tenant to it to the end. */
export async function migrateTo(url: string, { adminToken }: Tenant, arn: string): Promise<void> {
  const provider = await callApi(url, adminToken, 'POST', providers, { name: 'benchmark', arn })
  const { arnFingerPrint } = provider as { arnFingerPrint: string }
  await callApi(url, adminToken, 'POST', `${providers}/${arnFingerPrint}/actions/migrate`)
  for (;;) {
    const details = await callApi(url, adminToken, 'GET', `${providers}/migration/actions/details`)
    const { state } = details as { state: string }
    if (state === 'Completed') return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
