// The environment variables of the command line. No other file reads them.
import { proxyRulesIn, type ProxyRules } from '@keyhold/core/proxy-for'
import type { Shell } from './shell.ts'

export interface Environment {
  url: string | undefined
  token: string | undefined
  operatorToken: string | undefined
  serviceToken: string | undefined
}

export function processEnvironment(): Shell['env'] {
  return process.env
}

export function readEnvironment({ env }: Pick<Shell, 'env'>): Environment {
  // An empty variable is how shells unset one for a single command. A file with Windows' line ends leaves a CR behind each
  // value, and a byte order mark before a first one; trim() takes both.
  const read = (name: string): string | undefined => env[name]?.trim() || undefined
  return {
    url: read('KEYHOLD_URL'),
    token: read('KEYHOLD_TOKEN'),
    operatorToken: read('KEYHOLD_OPERATOR_TOKEN'),
    serviceToken: read('KEYHOLD_SERVICE_TOKEN'),
  }
}

/** HTTPS_PROXY and NO_PROXY. */
export function readProxyRules({ env }: Pick<Shell, 'env'>): ProxyRules {
  return proxyRulesIn(env)
}

/** Makes this process accept certificates that cannot be verified; Node warns about it on standard error. */
export function trustAnyCertificate({ env }: Pick<Shell, 'env'>): void {
  // No other switch reaches Node's own fetch.
  env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
}
