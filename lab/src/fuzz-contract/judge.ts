// Compares an answer with the description of the API: its status, its code, its form, and that it tells no secret.
import {
  errorsOf,
  isEventRoute,
  routes,
  statusOf,
  takesOctets,
  type Route,
  type RouteId,
} from '@keyhold/contract'
import { errorEnvelope } from '@keyhold/contract/schemas'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { routeOf, type Asked } from './asked.ts'
import { leakIn } from './canaries.ts'
import type { DescribedAnswers } from './described-answers.ts'
import type { Answer } from './send.ts'

const isEnvelope = new Ajv2020({ strict: false, validateFormats: false }).compile(errorEnvelope)

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
const json = 'application/json'

/** Answers in words how an answer is wrong; undefined: it is right. */
export function judge(asked: Asked, answer: Answer, described: DescribedAnswers): string | undefined {
  const routeId = routeOf(asked)
  const { status, bytes } = answer
  const text = bytes.toString('utf8')
  if (status === 0) return `ends the connection: ${text}`
  if (status >= 500) return `answers ${status}: ${text}`
  const isSuccess = status < 400
  if (!(isSuccess && routeId !== undefined && secretReplies.includes(routeId))) {
    const leak = leakIn(text) ?? leakIn(JSON.stringify(answer.headers))
    if (leak !== undefined) return `answers ${status} with a secret: ${leak}`
  }
  if (asked.method === 'HEAD') return bytes.length === 0 ? undefined : 'answers HEAD with a body'
  if (isSuccess) return judgeSuccess(routeId, answer, text, described)
  const fault = judgeRefusal(routeId, answer, text, described)
  // A segment that is empty, or no UTF-8, may make it a path of no route.
  const isOdd = Object.values(asked.params).some((each) => each === '' || each === '..' || each.includes('%'))
  return fault !== undefined && isOdd ? judgeRefusal(undefined, answer, text, described) : fault
}

function judgeSuccess(
  routeId: RouteId | undefined,
  { status, headers, bytes }: Answer,
  text: string,
  described: DescribedAnswers,
): string | undefined {
  if (routeId === undefined) return undefined
  const types = described.typesOf(routeId, status)
  const kind = (routes[routeId] as Route).replies[status]
  if (types === undefined || kind === undefined) return `answers ${status}, which its description lacks`
  if (kind === 'nothing') return bytes.length === 0 ? undefined : `answers ${status} with a body`
  const [type = ''] = String(headers['content-type'] ?? '').split(';')
  if (type === 'application/octet-stream') return takesOctets(routeId) ? undefined : 'answers with bytes'
  if (!types.includes(type)) return `answers as ${type}`
  const values = isEventRoute(routeId)
    ? Array.from(text.matchAll(/^data: (.*)$/gm), ([, data = '']) => parsed(data))
    : [parsed(text)]
  return values
    .map((value) => described.faultOf(routeId, status, type, value))
    .find((fault) => fault !== undefined)
}

function judgeRefusal(
  routeId: RouteId | undefined,
  { status, headers }: Answer,
  text: string,
  described: DescribedAnswers,
): string | undefined {
  if (!String(headers['content-type']).startsWith(json)) return `answers ${status} without JSON`
  const body = parsed(text)
  if (!isEnvelope(body)) return `answers ${status} in another form than that of refusals`
  const code = (body as { errors: { code: string }[] }).errors[0]?.code ?? ''
  if (routeId === undefined) {
    return withoutRoute[status]?.includes(code) === true
      ? undefined
      : `answers ${status} ${code} without a route`
  }
  const known = errorsOf(routeId).find((each) => each === code)
  if (known === undefined || described.typesOf(routeId, status) === undefined)
    return `answers ${status} ${code}, which its description lacks`
  if (statusOf(known, routeId) !== status) return `answers ${code} with ${status}`
  return described.faultOf(routeId, status, json, body)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
