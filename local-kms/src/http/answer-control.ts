// The endpoint's own routes, under a path that AWS does not use: faults, Regions that are down, roles and call counts
// for tests in any language.
// They ask for no signature: whoever reaches a loopback port could as well stop the process.
import type { CallCounts } from '../traffic/call-counts.ts'
import { type Fault, FAULT_KINDS, type Faults } from '../traffic/faults.ts'
import type { CallMatch } from '../traffic/observed-call.ts'
import { type Outage, OUTAGES, type Regions } from '../traffic/regions.ts'
import type { Roles } from '../callers/roles.ts'

export const CONTROL_PREFIX = '/_local-kms/'

export interface ControlAnswer {
  readonly status: number
  readonly body?: unknown
}

/** What tests may change. */
export interface Controlled {
  readonly faults: Faults
  readonly counts: CallCounts
  readonly regions: Regions
  readonly roles: Roles
}

export function control(
  method: string,
  url: URL,
  body: Buffer,
  { faults, counts, regions, roles }: Controlled,
): ControlAnswer {
  const path = url.pathname.slice(CONTROL_PREFIX.length)
  const route = `${method} ${path.replace(/\/.+$/, '/*')}`
  const name = decodeURIComponent(path.slice(path.indexOf('/') + 1))
  switch (route) {
    case 'GET faults':
      return { status: 200, body: { faults: faults.list() } }
    case 'POST faults':
      return accept(() => ({ id: faults.addNumbered(readFault(JSON.parse(body.toString()))) }))
    case 'DELETE faults':
      faults.clear()
      return { status: 204 }
    case 'DELETE faults/*':
      return { status: faults.remove(Number(name)) ? 204 : 404 }
    case 'GET calls': {
      const match = readMatch(Object.fromEntries(url.searchParams))
      return { status: 200, body: { total: counts.total(match), calls: counts.list(match) } }
    }
    case 'GET regions':
      return { status: 200, body: { down: regions.list() } }
    case 'PUT regions/*':
      return accept(() => {
        regions.takeDown(name, readOutage(JSON.parse(body.toString())))
        return { region: name }
      })
    case 'DELETE regions/*':
      return { status: regions.bringBack(name) ? 204 : 404 }
    case 'PUT roles/*':
      return accept(() => {
        const fields = fieldsOf(JSON.parse(body.toString()), ['trust', 'policy'])
        roles.put({ arn: name, trust: fields.get('trust'), policy: fields.get('policy') })
        return { arn: name }
      })
    case 'DELETE roles/*':
      return { status: roles.delete(name) ? 204 : 404 }
    case 'DELETE calls':
      counts.reset()
      return { status: 204 }
    default:
      return { status: 404, body: { error: `local-kms has no ${method} ${url.pathname}` } }
  }
}

function accept(change: () => object): ControlAnswer {
  try {
    return { status: 201, body: change() }
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : 'invalid' } }
  }
}

function readOutage(value: unknown): Outage {
  const given = fieldsOf(value, ['outage']).get('outage')
  const outage = OUTAGES.find((one) => one === given)
  if (outage === undefined) throw new TypeError(`"outage" expected one of ${OUTAGES.join(', ')}`)
  return outage
}

function readFault(value: unknown): Fault {
  const fields = fieldsOf(value, ['match', 'kind', 'probability', 'latencyMs', 'count'])
  const kind = FAULT_KINDS.find((one) => one === fields.get('kind'))
  if (kind === undefined) throw new TypeError(`"kind" expected one of ${FAULT_KINDS.join(', ')}`)
  const match = fields.get('match')
  const number = (name: string): number | undefined => {
    const one = fields.get(name)
    if (one === undefined || typeof one === 'number') return one
    throw new TypeError(`"${name}" expected a number`)
  }
  return {
    kind,
    match: match === undefined ? undefined : readMatch(match),
    probability: number('probability'),
    latencyMs: number('latencyMs'),
    count: number('count'),
  }
}

function readMatch(value: unknown): CallMatch {
  const fields = fieldsOf(value, ['operation', 'region', 'account', 'caller', 'keyId'])
  const text = (name: string): string | undefined => {
    const one = fields.get(name)
    if (one === undefined || typeof one === 'string') return one
    throw new TypeError(`"${name}" expected text`)
  }
  return {
    operation: text('operation'),
    region: text('region'),
    account: text('account'),
    caller: text('caller'),
    keyId: text('keyId'),
  }
}

function fieldsOf(value: unknown, allowed: readonly string[]): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('expected a JSON object')
  }
  const fields = new Map<string, unknown>(Object.entries(value))
  // A misspelt member would aim the fault at every call.
  const unknown = [...fields.keys()].find((name) => !allowed.includes(name))
  if (unknown !== undefined) throw new TypeError(`"${unknown}" expected one of ${allowed.join(', ')}`)
  return fields
}
