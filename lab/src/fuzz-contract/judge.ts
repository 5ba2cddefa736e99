// Compares an answer with the contract: its status, its code, its form, and that it tells no secret.
import {
  errorsOf,
  isEventRoute,
  routes,
  statusOf,
  takesOctets,
  type Route,
  type RouteId,
} from '@keyhold/contract'
import { errorEnvelope, routeSchemas, type RouteSchemas } from '@keyhold/contract/schemas'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { routeOf, type Asked } from './asked.ts'
import { leakIn } from './canaries.ts'
import type { Answer } from './send.ts'

// Descriptions and examples are no rules.
const ajv = new Ajv2020({ strict: false, validateFormats: false })
const validators = new Map<object, ValidateFunction>()

/** The routes that answer with a secret, if they succeed. */
const secretReplies: readonly RouteId[] = ['createApiKey', 'rotateApiKey', 'decrypt']
const withoutRoute: Readonly<Record<number, readonly string[]>> = {
  400: ['ERR_INVALID_REQUEST'],
  401: ['ERR_UNAUTHENTICATED'],
  404: ['ERR_ROUTE_NOT_FOUND', 'ERR_DOCS_NOT_INSTALLED'],
  405: ['ERR_METHOD_NOT_ALLOWED'],
  413: ['ERR_PAYLOAD_TOO_LARGE'],
  414: ['ERR_FINGERPRINT_TOO_LONG'],
  415: ['ERR_UNSUPPORTED_MEDIA_TYPE'],
  417: [],
  431: ['ERR_HEADERS_TOO_LARGE'],
}

/** Answers in words how an answer is wrong; undefined: it is right. */
export function judge(asked: Asked, answer: Answer): string | undefined {
  const routeId = routeOf(asked)
  const { status, bytes } = answer
  const text = bytes.toString('utf8')
  if (status >= 500) return `answers ${status}: ${text}`
  const isSuccess = status < 400
  if (!(isSuccess && routeId !== undefined && secretReplies.includes(routeId))) {
    const leak = leakIn(text) ?? leakIn(JSON.stringify(answer.headers))
    if (leak !== undefined) return `answers ${status} with a secret: ${leak}`
  }
  if (asked.method === 'HEAD') return bytes.length === 0 ? undefined : 'answers HEAD with a body'
  if (isSuccess) return judgeSuccess(routeId, answer, text)
  const fault = judgeRefusal(routeId, answer, text)
  // A segment that is empty, or no UTF-8, may make it a path of no route.
  const isOdd = Object.values(asked.params).some((each) => each === '' || each === '..' || each.includes('%'))
  return fault !== undefined && isOdd ? judgeRefusal(undefined, answer, text) : fault
}

function judgeSuccess(
  routeId: RouteId | undefined,
  { status, headers, bytes }: Answer,
  text: string,
): string | undefined {
  if (routeId === undefined) return undefined
  const kind = (routes[routeId] as Route).replies[status]
  if (kind === undefined) return `answers ${status}, which its description lacks`
  const schema = (routeSchemas[routeId] as RouteSchemas).replies[status]
  if (kind === 'nothing') return bytes.length === 0 ? undefined : `answers ${status} with a body`
  const type = headers['content-type'] ?? ''
  if (type === 'application/octet-stream') return takesOctets(routeId) ? undefined : 'answers with bytes'
  if (isEventRoute(routeId)) {
    if (!String(type).startsWith('text/event-stream')) return `answers as ${String(type)}`
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => parsed(data))
    return events.map((event) => formFault(schema ?? {}, event)).find((fault) => fault !== undefined)
  }
  if (!String(type).startsWith('application/json')) return `answers as ${String(type)}`
  return formFault(schema ?? {}, parsed(text))
}

function judgeRefusal(
  routeId: RouteId | undefined,
  { status, headers }: Answer,
  text: string,
): string | undefined {
  if (!String(headers['content-type']).startsWith('application/json')) return `answers ${status} without JSON`
  const body = parsed(text)
  const fault = formFault(errorEnvelope, body)
  if (fault !== undefined) return fault
  const code = (body as { errors: { code: string }[] }).errors[0]?.code ?? ''
  if (routeId === undefined) {
    return withoutRoute[status]?.includes(code) === true
      ? undefined
      : `answers ${status} ${code} without a route`
  }
  const described = errorsOf(routeId).find((each) => each === code)
  if (described === undefined) return `answers ${status} ${code}, which its description lacks`
  return statusOf(described, routeId) === status ? undefined : `answers ${code} with ${status}`
}

function formFault(schema: object, value: unknown): string | undefined {
  let validate = validators.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(schema)
    validators.set(schema, validate)
  }
  return validate(value) ? undefined : `answers in another form: ${ajv.errorsText(validate.errors)}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
