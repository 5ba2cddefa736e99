// The endpoint's own routes, under a path that AWS does not use, for tests in any language.
// They ask for no signature: a process that reaches a loopback port could stop local-kms as well.
import { accountRoutes } from './account-routes.ts'
import type { ControlAnswer, ControlParts, ControlRoute } from './control-route.ts'
import { type HttpAnswer, jsonAnswer } from './http-answer.ts'
import type { SignedRequest } from './signed-request.ts'
import { trafficRoutes } from './traffic-routes.ts'

export const controlPrefix = '/_local-kms/'

const routes: ReadonlyMap<string, ControlRoute> = new Map([...trafficRoutes, ...accountRoutes])

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
