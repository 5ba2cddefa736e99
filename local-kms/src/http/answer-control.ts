// The endpoint's own routes, under a path that AWS does not use: faults, Regions that are down, roles and call counts,
// for tests in any language.
// They ask for no signature: a process that reaches a loopback port could stop local-kms as well.
import type { Callers } from '../callers/callers.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { Propagation } from '../keys/propagation.ts'
import type { CallCounts } from '../traffic/call-counts.ts'
import type { Faults } from '../traffic/faults.ts'
import type { Regions } from '../traffic/regions.ts'
import {
  parseBackingFailure,
  parseFault,
  parseGuardrails,
  parseMatch,
  parseOutage,
  parsePropagation,
  parseRole,
} from './control-body.ts'
import { type HttpAnswer, jsonAnswer } from './http-answer.ts'
import type { SignedRequest } from './signed-request.ts'

export const controlPrefix = '/_local-kms/'

/** The parts that tests may change. */
export interface ControlParts {
  faults: Faults
  counts: CallCounts
  regions: Regions
  callers: Callers
  store: KeyStore
  propagation: Propagation
}

interface ControlRequest {
  /** The part of the path after its first slash: a fault's id, a Region, a role's ARN. */
  name: string
  query: URLSearchParams
  body: Buffer
}

interface ControlAnswer {
  status: number
  body?: unknown
}

type ControlRoute = (parts: ControlParts, request: ControlRequest) => ControlAnswer

const routes: ReadonlyMap<string, ControlRoute> = new Map<string, ControlRoute>([
  ['GET faults', ({ faults }) => ({ status: 200, body: { faults: faults.list() } })],
  [
    'POST faults',
    ({ faults }, { body }) => accept(() => ({ id: faults.addNumbered(parseFault(parseJson(body))) })),
  ],
  [
    'DELETE faults',
    ({ faults }) =>
      clear(() => {
        faults.clear()
      }),
  ],
  ['DELETE faults/*', ({ faults }, { name }) => deleted(faults.remove(Number(name)))],
  ['GET calls', ({ counts }, { query }) => listCalls(counts, query)],
  [
    'DELETE calls',
    ({ counts }) =>
      clear(() => {
        counts.reset()
      }),
  ],
  ['GET regions', ({ regions }) => ({ status: 200, body: { down: regions.list() } })],
  ['PUT regions/*', ({ regions }, request) => takeDown(regions, request)],
  ['DELETE regions/*', ({ regions }, { name }) => deleted(regions.bringBack(name))],
  ['PUT roles/*', ({ callers }, request) => putRole(callers, request)],
  ['PUT guardrails/*', ({ callers }, request) => putGuardrails(callers, request)],
  ['DELETE guardrails/*', ({ callers }, { name }) => deleted(callers.guardrails.delete(name))],
  [
    'PUT propagation',
    ({ propagation }, { body }) =>
      accept(() => Object.assign(propagation, parsePropagation(parseJson(body)))),
  ],
  ['PUT key-store-backings/*', ({ store }, request) => putBackingFailure(store, request)],
  ['DELETE key-store-backings/*', ({ store }, { name }) => deleted(store.backingFailures.clear(name))],
  ['DELETE roles/*', ({ callers }, { name }) => deleted(callers.roles.delete(name))],
])

export function answerControl(parts: ControlParts, { method, target, body }: SignedRequest): HttpAnswer {
  const url = new URL(target, 'http://localhost')
  const path = url.pathname.slice(controlPrefix.length)
  const name = decodeURIComponent(path.slice(path.indexOf('/') + 1))
  const route = routes.get(`${method} ${path.replace(/\/.+$/, '/*')}`)
  const answer: ControlAnswer =
    route === undefined
      ? { status: 404, body: { error: `local-kms has no ${method} ${url.pathname}` } }
      : route(parts, { name, query: url.searchParams, body })
  return jsonAnswer(answer.status, 'application/json', answer.body)
}

function listCalls(counts: CallCounts, query: URLSearchParams): ControlAnswer {
  const match = parseMatch(Object.fromEntries(query))
  return { status: 200, body: { total: counts.total(match), calls: counts.list(match) } }
}

function takeDown(regions: Regions, { name, body }: ControlRequest): ControlAnswer {
  return accept(() => {
    regions.takeDown(name, parseOutage(parseJson(body)))
    return { region: name }
  })
}

function putRole({ roles }: Callers, { name, body }: ControlRequest): ControlAnswer {
  return accept(() => {
    roles.put(parseRole(name, parseJson(body)))
    return { arn: name }
  })
}

function putGuardrails({ guardrails }: Callers, { name, body }: ControlRequest): ControlAnswer {
  return accept(() => {
    guardrails.put(name, parseGuardrails(parseJson(body)))
    return { arn: name }
  })
}

function putBackingFailure({ backingFailures }: KeyStore, { name, body }: ControlRequest): ControlAnswer {
  return accept(() => {
    const { failure, externalKeyId } = parseBackingFailure(parseJson(body))
    backingFailures.put(name, failure, externalKeyId)
    return { backing: name }
  })
}

function parseJson(body: Buffer): unknown {
  return JSON.parse(body.toString())
}

/** Answers 201 with what `change` answers, or 400 with what it throws. */
function accept(change: () => object): ControlAnswer {
  try {
    return { status: 201, body: change() }
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : 'invalid' } }
  }
}

function clear(change: () => void): ControlAnswer {
  change()
  return { status: 204 }
}

function deleted(existed: boolean): ControlAnswer {
  return { status: existed ? 204 : 404 }
}
