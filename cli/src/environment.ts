// The only reader of the environment.

export interface Environment {
  url: string | undefined
  token: string | undefined
  operatorToken: string | undefined
  serviceToken: string | undefined
}

export function readEnvironment(): Environment {
  const { KEYHOLD_URL, KEYHOLD_TOKEN, KEYHOLD_OPERATOR_TOKEN, KEYHOLD_SERVICE_TOKEN } = process.env
  // An empty variable is how shells unset one for a single command.
  return {
    url: KEYHOLD_URL || undefined,
    token: KEYHOLD_TOKEN || undefined,
    operatorToken: KEYHOLD_OPERATOR_TOKEN || undefined,
    serviceToken: KEYHOLD_SERVICE_TOKEN || undefined,
  }
}

/** Makes this process accept certificates that cannot be verified; Node warns about it on standard error. */
export function trustAnyCertificate(): void {
  // The only switch that reaches Node's own fetch.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
}
