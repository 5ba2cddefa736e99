// The environment variables of the command line. No other file reads them.
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
  const { KEYHOLD_URL, KEYHOLD_TOKEN, KEYHOLD_OPERATOR_TOKEN, KEYHOLD_SERVICE_TOKEN } = env
  // An empty variable is how shells unset one for a single command.
  return {
    url: KEYHOLD_URL || undefined,
    token: KEYHOLD_TOKEN || undefined,
    operatorToken: KEYHOLD_OPERATOR_TOKEN || undefined,
    serviceToken: KEYHOLD_SERVICE_TOKEN || undefined,
  }
}

/** Makes this process accept certificates that cannot be verified; Node warns about it on standard error. */
export function trustAnyCertificate({ env }: Pick<Shell, 'env'>): void {
  // No other switch reaches Node's own fetch.
  env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
}
