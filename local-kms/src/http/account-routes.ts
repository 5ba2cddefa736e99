// The control routes for what is around the keys in an account: roles, guardrails, Regions that are not enabled, what is
// behind custom key stores, and how fast changes spread.
import {
  parseBackingFailure,
  accountAndUrl,
  parseGuardrails,
  parseIdentityProvider,
  parsePrincipalRules,
  parsePropagation,
  parseRole,
} from './control-body.ts'
import { accept, type ControlRoutes, deleted, parseJson } from './control-route.ts'

export const accountRoutes: ControlRoutes = [
  [
    'PUT roles/*',
    ({ callers }, { name, body }) =>
      accept(() => {
        callers.roles.put(parseRole(name, parseJson(body)))
        return { arn: name }
      }),
  ],
  ['DELETE roles/*', ({ callers }, { name }) => deleted(callers.roles.delete(name))],
  [
    'PUT identity-providers/*',
    ({ callers }, { name, body }) =>
      accept(() => {
        const provider = parseIdentityProvider(name, parseJson(body))
        callers.identityProviders.put(provider)
        return provider
      }),
  ],
  [
    'DELETE identity-providers/*',
    ({ callers }, { name }) => {
      const { account, url } = accountAndUrl(name)
      return deleted(callers.identityProviders.delete(account, url))
    },
  ],
  [
    'PUT guardrails/*',
    ({ callers }, { name, body }) =>
      accept(() => {
        callers.guardrails.put(name, parseGuardrails(parseJson(body)))
        return { arn: name }
      }),
  ],
  ['DELETE guardrails/*', ({ callers }, { name }) => deleted(callers.guardrails.delete(name))],
  [
    'PUT principals',
    ({ callers }, { body }) =>
      accept(() => Object.assign(callers.principals, parsePrincipalRules(parseJson(body)))),
  ],
  [
    'PUT opt-outs/*',
    ({ callers }, { name }) =>
      accept(() => {
        callers.optOuts.add(...accountAndRegion(name))
        return { optedOut: name }
      }),
  ],
  [
    'DELETE opt-outs/*',
    ({ callers }, { name }) => deleted(callers.optOuts.delete(...accountAndRegion(name))),
  ],
  [
    'PUT key-store-backings/*',
    ({ store }, { name, body }) =>
      accept(() => {
        const { failure, externalKeyId } = parseBackingFailure(parseJson(body))
        store.backingFailures.put(name, failure, externalKeyId)
        return { backing: name }
      }),
  ],
  ['DELETE key-store-backings/*', ({ store }, { name }) => deleted(store.backingFailures.clear(name))],
  [
    'PUT propagation',
    ({ propagation }, { body }) =>
      accept(() => Object.assign(propagation, parsePropagation(parseJson(body)))),
  ],
]

function accountAndRegion(name: string): [account: string, region: string] {
  const [account = '', region = ''] = name.split('/')
  return [account, region]
}
